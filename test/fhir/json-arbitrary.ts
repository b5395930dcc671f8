/** Arbitrary JSON texts for property tests: values, and ways to write them. */
import fc from 'fast-check';

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** Texts with what JSON must escape, what it may leave, and what UTF-8 takes several bytes for. */
export const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('a', 'é', '"', '\\', '\n', '\t', '\u0000', '/', '{', '}', '[', ']', ':', ',', ' ', '😀', '漢'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});

/** Names that look like R4's, and others. */
export const anyName = fc.oneof(
  fc.constantFrom('id', 'meta', '_id', 'code', 'value', '__proto__', 'constructor'),
  anyText,
);

/** Any JSON value, objects with distinct names; numbers are integers and short decimals. */
export const anyJson: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyText,
    fc.integer(),
    fc.integer({ min: -99999, max: 99999 }).map((n) => n / 1000),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(anyName, tie('value')), { maxLength: 5, selector: ([name]) => name })
      .map((members) => objectOf(members)),
  ),
})).value;

/** An object with these members in this order, `__proto__` as its own property. */
export function objectOf(members: readonly (readonly [string, Json])[]): { [name: string]: Json } {
  const object: { [name: string]: Json } = {};
  for (const [name, value] of members) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

/** The JSON of members in this order, also where JavaScript would reorder them (names like `1`). */
export function jsonOf(members: readonly (readonly [string, Json])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
}

/** The same JSON text with white space between tokens, taken in turn from `spaces`. */
export function spaced(compact: string, spaces: readonly string[]): string {
  let turn = 0;
  return compact.replace(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^[\]{},:"]+/g, (token) => {
    const space = spaces[turn++ % Math.max(spaces.length, 1)] ?? '';
    return token + space;
  });
}
