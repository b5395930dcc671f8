/** References to resources of this server, by the numbers of their targets. https://hl7.org/fhir/R4/search.html#reference */
import type { ReferenceTest } from '../../../search/criteria.ts';
import { ordered } from '../numbered.ts';
import { isIn, type Sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import type { Context } from './condition.ts';
import type { Matcher } from './matcher.ts';

const table = 'reference';

/** The numbers of the targets that anything may refer to, rising. */
export function targetsOf(tests: readonly ReferenceTest[], { lookUp }: Context): readonly number[] {
  const ids = new Map<string, string[]>();
  for (const { type, id } of tests) {
    const ofType = ids.get(type);
    if (ofType === undefined) ids.set(type, [id]);
    else ofType.push(id);
  }
  return ordered(
    [...ids].flatMap(([type, ofType]) => {
      const typeNumber = lookUp.type(type);
      return typeNumber === undefined ? [] : lookUp.resources.numbers(typeNumber, ofType);
    }),
  );
}

/** Whether a value in these columns passes any of the tests. */
export function referenceTest(tests: readonly ReferenceTest[], { a }: Columns, context: Context): Sql {
  return isIn(a, targetsOf(tests, context));
}

export function reference(tests: readonly ReferenceTest[], context: Context): Matcher | undefined {
  return referring(targetsOf(tests, context));
}

/** References to any of these targets, by number. */
export function referring(targets: readonly number[]): Matcher | undefined {
  if (targets.length === 0) return undefined;
  const test = (alias: string) => isIn(columnsOf(table, alias).a, targets);
  // A resource may refer to two versions of the target, so that the version comes before the resource's number.
  const order = ['target', 'version'];
  const fixed = targets.length === 1 ? targets : [];
  const stretches = [{ index: undefined, where: test('d'), order, fixed, bounded: true }];
  return { table, test, stretches, byNumber: [], pinned: false, rank: 2 };
}
