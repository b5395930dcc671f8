/**
 * What isn't built yet, and the cases that wait for it by their names. A case that is right although it stands here fails its
 * test, so that this list shrinks.
 */

/** Names of cases by the feature they wait for. */
type Pending = Readonly<Record<string, readonly string[]>>;

/** Cases of the other server, see microsoft.test.ts. */
export const pendingCases: Pending = {};

/** Examples of the specification, see specification.test.ts. */
export const pendingExamples: Pending = {};

/** The feature that a case waits for, undefined for one that doesn't. */
export function pendingFor(name: string, pending: Pending): string | undefined {
  return Object.keys(pending).find((feature) => pending[feature]?.includes(name));
}

/** The names that no case has. */
export function withoutCase(pending: Pending, names: readonly string[]): readonly string[] {
  return Object.values(pending)
    .flat()
    .filter((name) => !names.includes(name));
}
