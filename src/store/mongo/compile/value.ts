/** Criteria on the values of one parameter. https://hl7.org/fhir/R4/search.html#ptypes */
import type { DiffersCriterion, Parameter, ValueCriterion, ValueTest } from '../../../search/criteria.ts';
import { allOf, anyOf, type Filter, noneOf } from '../filter.ts';
import { canonical } from './canonical.ts';
import { componentNames, composite } from './composite.ts';
import { type Condition, type Context, impossible } from './condition.ts';
import { date } from './date.ts';
import type { Element } from './element.ts';
import { near } from './near.ts';
import { number } from './number.ts';
import { converts, quantity } from './quantity.ts';
import { reference } from './reference.ts';
import { string } from './string.ts';
import { text } from './text.ts';
import { token } from './token.ts';
import { uri } from './uri.ts';

type Of<K extends ValueTest['kind']> = Extract<ValueTest, { kind: K }>;

/** For each kind of test what an OR of them means for one value. */
const elements: {
  readonly [K in ValueTest['kind']]: (tests: readonly Of<K>[], units: readonly string[] | undefined) => Element;
} = {
  token,
  string,
  date,
  number,
  quantity,
  reference,
  uri,
  composite,
  text,
  near,
  canonical,
};

function elementOf<K extends ValueTest['kind']>(
  kind: K,
  tests: readonly ValueTest[],
  units: readonly string[] | undefined,
): Element {
  return elements[kind](
    tests.filter((test): test is Of<K> => test.kind === kind),
    units,
  );
}

async function elementsOf(tests: readonly ValueTest[], field: string, context: Context): Promise<Element> {
  const paths = new Set(tests.flatMap(unitPaths));
  const units = paths.size === 0 ? undefined : await context.texts([...paths].map((path) => `index.${field}.${path}`));
  const each = [...new Set(tests.map(({ kind }) => kind))].map((kind) => elementOf(kind, tests, units));
  return { anyOf: each.flatMap((element) => element.anyOf), exact: each.every(({ exact }) => exact) };
}

/** Where values have the codes of units that a test has to be converted to. */
function unitPaths(test: ValueTest): readonly string[] {
  if (test.kind === 'quantity') return converts(test) ? ['c'] : [];
  if (test.kind !== 'composite') return [];
  return test.components.flatMap((component, place) =>
    component.kind === 'quantity' && converts(component) ? [`${componentNames[place] ?? 'd'}.c`] : [],
  );
}

export async function value({ parameter, anyOf: tests }: ValueCriterion, context: Context): Promise<Condition> {
  const field = context.fieldOf(parameter);
  if (field === undefined) return impossible;
  const { anyOf: ways, exact } = await elementsOf(tests, field, context);
  const ranges = tests.some(({ kind }) => kind === 'quantity');
  for (const way of ways)
    for (const [key] of leading(way)) context.uses(`index.${field}.${ranges && key === 'c' ? inUnits : key}`);
  // Each way by itself can be found by an index; within one value's test an OR can't.
  const filter = anyOf(ways.map((way) => ofValue(field, way)));
  const local = { kind: 'value', parameter: { ...parameter, code: field }, anyOf: tests } as const;
  return { filter, exact, live: true, local };
}

/** What quantities in a unit are found by. */
const inUnits = 'c,l';

/** Criteria on a value that is none of these. */
export async function differs({ parameter, from }: DiffersCriterion, context: Context): Promise<Condition> {
  const field = context.fieldOf(parameter);
  if (field === undefined) return impossible;
  const { anyOf: ways, exact } = await elementsOf(from, field, context);
  // Words of longer values are no values of their own.
  const whole = allOf(texts(parameter).map((text) => ({ [text]: { $ne: null } })));
  context.uses('present');
  // What may pass a test and what does isn't told apart here.
  const other = exact ? { [`index.${field}`]: { $elemMatch: { ...whole, ...noneOf(anyOf(ways)) } } } : {};
  return {
    filter: { present: field, ...other },
    exact,
    live: true,
    local: { kind: 'differs', parameter: { ...parameter, code: field }, from },
  };
}

/** Where a value has strings as they are written. */
function texts({ kind, components }: Parameter): readonly string[] {
  if (kind === 'string') return ['e'];
  return components.flatMap((component, place) => (component.kind === 'string' ? [`${componentNames[place]}.e`] : []));
}

/** Some value passes. What is a test of one field needn't be said to be of the same value. */
function ofValue(field: string, way: Filter): Filter {
  const [only, ...others] = Object.entries(way);
  if (only !== undefined && others.length === 0 && isPoint(only)) return { [`index.${field}.${only[0]}`]: only[1] };
  return { [`index.${field}`]: { $elemMatch: way } };
}

/** A text, or a list of them: several bounds of one field may each hold of another value. */
function isPoint([key, test]: readonly [string, unknown]): boolean {
  if (key.startsWith('$')) return false;
  return typeof test === 'string' || (typeof test === 'object' && test !== null && Object.keys(test).join() === '$in');
}

/** The field that a test of a value is found by: the first one that it says something of. */
function leading(way: Filter): readonly (readonly [string, unknown])[] {
  const [first] = Object.entries(way);
  if (first === undefined) return [];
  const [key, value] = first;
  if (!key.startsWith('$')) return [first];
  return Array.isArray(value) ? value.slice(0, 1).flatMap((each: Filter) => leading(each)) : [];
}
