/** Composites: the components' tests on the values of one repetition. https://hl7.org/fhir/R4/search.html#composite */
import type { CompositeTest, SimpleTest } from '../../../search/criteria.ts';
import { allOf } from '../filter.ts';
import { date } from './date.ts';
import { type Element, ofComponent } from './element.ts';
import { number } from './number.ts';
import { quantity } from './quantity.ts';
import { reference } from './reference.ts';
import { string } from './string.ts';
import { token } from './token.ts';
import { uri } from './uri.ts';

type Of<K extends SimpleTest['kind']> = Extract<SimpleTest, { kind: K }>;

const elements: {
  readonly [K in SimpleTest['kind']]: (tests: readonly Of<K>[], units: readonly string[] | undefined) => Element;
} = {
  token,
  string,
  date,
  number,
  quantity,
  reference,
  uri,
};

function elementOf<K extends SimpleTest['kind']>(kind: K, test: Of<K>, units: readonly string[] | undefined): Element {
  return elements[kind]([test], units);
}

/** Where the components' values are in a stored composite. */
export const componentNames = ['a', 'b', 'd'] as const;

/** @param units as `quantity` has them. */
export function composite(tests: readonly CompositeTest[], units?: readonly string[]): Element {
  const each = tests.map((test) => one(test, units));
  return { anyOf: each.flatMap(({ anyOf }) => anyOf), exact: each.every(({ exact }) => exact) };
}

function one({ components }: CompositeTest, units: readonly string[] | undefined): Element {
  const parts = components.map((test) => elementOf(test.kind, test, units));
  const filter = allOf(parts.map((part, place) => ofComponent(part, componentNames[place] ?? 'd')));
  return { anyOf: [filter], exact: parts.every(({ exact }) => exact) };
}
