/** What is to be done for a collection to have the indexes that it should have. https://hl7.org/fhir/R4/search.html */
import type { IndexDescription } from 'mongodb';

/** An index that should be there. */
export interface WantedIndex extends IndexDescription {
  readonly name: string;
  readonly key: Readonly<Record<string, 1 | -1>>;
}

/** An index as the server tells of it. */
export interface IndexThere {
  readonly name?: unknown;
  readonly key?: unknown;
  readonly [option: string]: unknown;
}

export interface IndexPlan {
  /** The wanted index, under a name that is free; undefined where it is there, under whatever name. */
  readonly make: WantedIndex | undefined;
  /** The wanted index under the name that it has; the server lists what is still being made too, and searches can't use that. */
  readonly found: WantedIndex | undefined;
  /** Names of those that have its name, or had it once, and are others: to be dropped once it is there. */
  readonly outdated: readonly string[];
}

/** What makes an index another one than one with the same keys. https://www.mongodb.com/docs/manual/reference/command/createIndexes/ */
const options = ['unique', 'sparse', 'partialFilterExpression', 'expireAfterSeconds', 'collation'] as const;

/**
 * What one index needs. One of another release may have its name with other keys or options: searches go on with that until
 * the new one is made under the next name, `name~2` and so on.
 */
export function planOf(wanted: WantedIndex, there: readonly IndexThere[]): IndexPlan {
  const asWanted = textOf(wanted);
  const [found] = namesOf(wanted, there);
  const names = there.map(({ name }) => String(name));
  const others = there.filter((index) => textOf(index) !== asWanted).map(({ name }) => String(name));
  const outdated = others.filter((name) => baseOf(name) === wanted.name);
  if (found !== undefined) return { make: undefined, found: { ...wanted, name: found }, outdated };
  return { make: { ...wanted, name: freeName(wanted.name, names) }, found: undefined, outdated };
}

/** The names under which a wanted index is there: one at most, unless two releases have made it. */
export function namesOf(wanted: WantedIndex, there: readonly IndexThere[]): readonly string[] {
  const asWanted = textOf(wanted);
  return there.filter((index) => textOf(index) === asWanted).map(({ name }) => String(name));
}

/** Keys in their order, and options; an option that is false is none, and so is the collation that all have. */
function textOf(index: IndexThere | WantedIndex): string {
  return JSON.stringify([index.key, ...options.map((option) => optionOf(Reflect.get(index, option)))]);
}

function optionOf(value: unknown): unknown {
  if (value === undefined || value === false) return null;
  return typeof value === 'object' && value !== null && Reflect.get(value, 'locale') === 'simple' ? null : value;
}

function baseOf(name: string): string {
  return name.replace(/~\d+$/, '');
}

function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let n = 2; taken.includes(free); n++) free = `${name}~${n}`;
  return free;
}
