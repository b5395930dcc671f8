/** Token values kept as text: identifiers, contact points. https://hl7.org/fhir/R4/search.html#token */
import type { TokenTest } from '../../../search/criteria.ts';
import { foldToken } from '../../../search/normalise.ts';
import { all, always, any, isIn, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import type { Context } from './condition.ts';
import { filtered, type Matcher } from './matcher.ts';
import { beginsWith } from './prefix.ts';

/** One test with its system's number; values of these parameters are folded, where they are, when they are indexed. */
interface Known {
  readonly system: number | undefined;
  readonly value: string | undefined;
  /** Whether what begins with the value passes. */
  readonly begins: boolean;
}

function knownOf(tests: readonly TokenTest[], { lookUp }: Context): readonly Known[] {
  return tests.flatMap(({ system: uri, code, fold, begins = false }): readonly Known[] => {
    const value = code === undefined || !fold ? code : foldToken(code);
    if (uri === undefined) return [{ system: undefined, value, begins }];
    const system = lookUp.system(uri);
    return system === undefined ? [] : [{ system, value, begins }];
  });
}

/** Values of one system, or of any, in one test each. */
function testOf(known: readonly Known[], { a, b }: Columns): Sql {
  const bySystem = new Map<number | undefined, string[]>();
  const whole: Sql[] = [];
  for (const { system, value, begins } of known) {
    const ofSystem = system === undefined ? always : sql`${b} = ${system}`;
    if (value === undefined) whole.push(ofSystem);
    else if (begins) whole.push(all([beginsWith(a, value), ofSystem]));
    else {
      const values = bySystem.get(system);
      if (values === undefined) bySystem.set(system, [value]);
      else values.push(value);
    }
  }
  const listed = [...bySystem].map(([system, values]) => {
    return system === undefined ? isIn(a, values) : all([isIn(a, values), sql`${b} = ${system}`]);
  });
  return any([...whole, ...listed]);
}

/** Whether a value in these columns passes any of the tests. */
export function identifierTest(tests: readonly TokenTest[], columns: Columns, context: Context): Sql {
  return testOf(knownOf(tests, context), columns);
}

export function identifier(tests: readonly TokenTest[], context: Context): Matcher | undefined {
  const known = knownOf(tests, context);
  if (known.length === 0) return undefined;
  const test = (alias: string) => testOf(known, columnsOf('identifier', alias));
  const values = known.flatMap(({ value, begins }) => (value === undefined || begins ? [] : [value]));
  const table = 'identifier';
  if (values.length < known.length) {
    return { table, test, stretches: [filtered(table, test('d'))], byNumber: [], pinned: false, rank: 8 };
  }
  const [first] = known;
  if (known.length === 1 && first?.system !== undefined) {
    const stretch = {
      index: undefined,
      where: test('d'),
      order: ['value', 'system'],
      fixed: [...values, first.system],
      bounded: true,
    };
    const byNumber = [{ ...stretch, order: [], fixed: [] }];
    return { table, test, stretches: [stretch], byNumber, pinned: true, rank: 0 };
  }
  const { a, b } = columnsOf(table, 'd');
  const systems = new Set(known.map(({ system }) => system));
  // One list of values alone can be read in the order of the index.
  const lead = isIn(a, [...new Set(values)]);
  const [system] = systems;
  const rest = systems.size > 1 ? sql`+(${test('d')})` : system === undefined ? always : sql`${b} = ${system}`;
  const where = all([lead, rest]);
  const stretches = [{ index: undefined, where, order: ['value', 'system'], fixed: [], bounded: systems.size === 1 }];
  return { table, test, stretches, byNumber: [], pinned: false, rank: 1 };
}
