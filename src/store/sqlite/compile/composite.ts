/** Composites: the components' tests on the values of one repetition. https://hl7.org/fhir/R4/search.html#composite */
import type { CompositeTest, Parameter, SimpleTest } from '../../../search/criteria.ts';
import { all, any, isIn, never, raw, type Sql, sql } from '../sql.ts';
import { type Columns, componentColumns } from './columns.ts';
import type { Context } from './condition.ts';
import { dateTest } from './date.ts';
import { identifierTest } from './identifier.ts';
import { filtered, type Matcher } from './matcher.ts';
import { quantityTest } from './quantity.ts';
import { referenceTest, targetsOf } from './reference.ts';
import { stringTest } from './string.ts';
import { tokenCodes, tokenTest } from './token.ts';
import { uriTest } from './uri.ts';

const table = 'composite';

type Of<K extends SimpleTest['kind']> = Extract<SimpleTest, { kind: K }>;

/** Where a component's values stand, and whether its tokens are text. */
interface Place {
  readonly columns: Columns;
  readonly textual: boolean;
  readonly context: Context;
}

const components: { readonly [K in SimpleTest['kind']]: (test: Of<K>, place: Place) => Sql } = {
  token: (test, { columns, textual, context }) =>
    textual ? identifierTest([test], columns, context) : tokenTest([test], columns, context),
  string: (test, { columns }) => stringTest([test], columns),
  date: (test, { columns }) => dateTest([test], columns),
  number: (test, { columns, context }) => quantityTest([test], columns, context),
  quantity: (test, { columns, context }) => quantityTest([test], columns, context),
  reference: (test, { columns, context }) => referenceTest([test], columns, context),
  uri: (test, { columns }) => uriTest([test], columns),
};

function componentTest<K extends SimpleTest['kind']>(kind: K, test: Of<K>, place: Place): Sql {
  return components[kind](test, place);
}

function one({ components: tests }: CompositeTest, parameter: Parameter, alias: string, context: Context): Sql {
  return all(
    tests.map((test, place) => {
      const textual = parameter.components[place]?.textual ?? false;
      return componentTest(test.kind, test, { columns: componentColumns(place, alias), textual, context });
    }),
  );
}

export function composite(
  tests: readonly CompositeTest[],
  context: Context,
  parameter: Parameter,
): Matcher | undefined {
  const test = (alias: string) => any(tests.map((each) => one(each, parameter, alias, context)));
  if (test('d') === never) return undefined;
  const leads = tests.map(({ components: [first] }) => leadsOf(first, parameter, context));
  const numbers = new Set<number>();
  for (const lead of leads) for (const number of lead ?? []) numbers.add(number);
  const known = leads.every((lead) => lead !== undefined);
  const stretch = filtered(table, test('d'));
  // A first component that is a number leads into the index; its other two columns are empty.
  const where = known
    ? all([
        isIn(
          raw('d.a1'),
          [...numbers].sort((a, b) => a - b),
        ),
        sql`d.b1 = ''`,
        sql`d.c1 = ''`,
        stretch.where,
      ])
    : stretch.where;
  return { table, test, stretches: [{ ...stretch, where }], byNumber: [], pinned: false, rank: known ? 4 : 8 };
}

/** The numbers that a first component's value has to be one of. */
function leadsOf(test: SimpleTest | undefined, { components: [first] }: Parameter, context: Context) {
  if (test?.kind === 'token' && first?.textual === false) return tokenCodes([test], context);
  return test?.kind === 'reference' ? targetsOf([test], context) : undefined;
}
