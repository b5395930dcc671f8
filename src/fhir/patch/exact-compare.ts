/** Equality and copies of exact JSON. https://datatracker.ietf.org/doc/html/rfc6902#section-4.6 */
import { decimalKey } from '../decimal.ts';
import { type ExactJson, ExactNumber, exactObject, isExactObject } from '../exact-json.ts';

/** Whether two values are equal: numbers by their value (1.0 = 1.00 = 10e-1), objects whatever the order of members. */
export function sameValue(a: ExactJson, b: ExactJson): boolean {
  if (a === b) return true;
  if (a instanceof ExactNumber) {
    return b instanceof ExactNumber && (a.text === b.text || decimalKey(a.text) === decimalKey(b.text));
  }
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => {
      const other = b[index];
      return other !== undefined && sameValue(item, other);
    });
  }
  if (!isExactObject(a) || !isExactObject(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  for (const name of names) {
    const member = a[name];
    const other = b[name];
    if (member === undefined || other === undefined || !sameValue(member, other)) return false;
  }
  return true;
}

/** Whether two values are the same text when written: order of members and spelling of numbers count. */
export function identical(a: ExactJson, b: ExactJson): boolean {
  if (a === b) return true;
  if (a instanceof ExactNumber) return b instanceof ExactNumber && a.text === b.text;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => {
      const other = b[index];
      return other !== undefined && identical(item, other);
    });
  }
  if (!isExactObject(a) || !isExactObject(b)) return false;
  const names = Object.keys(a);
  const others = Object.keys(b);
  return (
    names.length === others.length &&
    names.every((name, index) => {
      const member = a[name];
      const other = b[name];
      return name === others[index] && member !== undefined && other !== undefined && identical(member, other);
    })
  );
}

/** A deep copy. Numbers are shared, they never change. */
export function copyOf<T extends ExactJson>(value: T): T;
export function copyOf(value: ExactJson): ExactJson {
  if (Array.isArray(value)) return value.map((item) => copyOf(item));
  if (!isExactObject(value)) return value;
  const copy = exactObject();
  for (const [name, member] of Object.entries(value)) copy[name] = copyOf(member);
  return copy;
}

/** About how many characters a value takes when written. */
export function weightOf(value: ExactJson): number {
  if (typeof value === 'string') return value.length + 2;
  if (value instanceof ExactNumber) return value.text.length;
  let weight = 4;
  if (Array.isArray(value)) for (const item of value) weight += weightOf(item);
  else if (isExactObject(value))
    for (const [name, member] of Object.entries(value)) weight += name.length + weightOf(member);
  return weight;
}
