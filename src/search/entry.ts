/** Index entries: what extraction finds in a resource and stores keep to search it. https://hl7.org/fhir/R4/search.html */

/**
 * A decimal as text whose byte order is its numeric order (`fhir/decimal.ts`, `decimalKey`), so that any store compares
 * numbers of any size exactly.
 */
export type DecimalKey = string;

/**
 * A coded value. `system` is '' where there is none. Coded values repeat often, so a store may keep them in a dictionary.
 */
export interface TokenValue {
  readonly kind: 'token';
  readonly system: string;
  readonly value: string;
}

/** A token value that rarely repeats (Identifier, ContactPoint, id, string): `system` is '' where there is none. */
export interface IdentifierValue {
  readonly kind: 'identifier';
  readonly system: string;
  readonly value: string;
}

/**
 * A string: `norm` by `search/normalise.ts`; `exact` is the text as it stands, or null for a word of a longer part, and for
 * parts put together. Those come beside the parts: a parameter with values has one with a text.
 */
export interface StringValue {
  readonly kind: 'string';
  readonly norm: string;
  readonly exact: string | null;
}

/** The instants [low, high) in milliseconds since 1970 that a date's precision means; ends open as DATE_MIN, DATE_MAX. */
export interface DateValue {
  readonly kind: 'date';
  readonly low: number;
  readonly high: number;
}

/** A number: `low` equals `high` unless it is a Range. */
export interface NumberValue {
  readonly kind: 'number';
  readonly low: DecimalKey;
  readonly high: DecimalKey;
}

/** A quantity: `system` and `code` as given ('' where absent), `unit` the text a person reads ('' where absent). */
export interface QuantityValue {
  readonly kind: 'quantity';
  readonly low: DecimalKey;
  readonly high: DecimalKey;
  readonly system: string;
  readonly code: string;
  readonly unit: string;
}

/**
 * A reference to a resource of this server, whether or not it exists. `version` is '' unless the reference has one. One to
 * a contained resource has that type in the form of `containedType`, and its local id.
 */
export interface ReferenceValue {
  readonly kind: 'reference';
  readonly type: string;
  readonly id: string;
  readonly version: string;
}

/** A uri, a canonical (`url|version`), or a reference to another server's resource. */
export interface UriValue {
  readonly kind: 'uri';
  readonly value: string;
}

export type SimpleValue =
  | TokenValue
  | IdentifierValue
  | StringValue
  | DateValue
  | NumberValue
  | QuantityValue
  | ReferenceValue
  | UriValue;

/** One repetition of a composite parameter: a value for each component, at most three in R4. */
export interface CompositeValue {
  readonly kind: 'composite';
  readonly components: readonly SimpleValue[];
}

/** A position on the earth, in degrees. */
export interface PositionValue {
  readonly kind: 'position';
  readonly latitude: number;
  readonly longitude: number;
}

export type IndexValue = SimpleValue | CompositeValue | PositionValue;

/** One value of one search parameter of a resource. The same value is never listed twice for a parameter. */
export interface IndexEntry {
  /** The search parameter's code, e.g. `birthdate`. */
  readonly parameter: string;
  readonly value: IndexValue;
}

/** A contained resource with its entries, by the parameters of its own type. https://hl7.org/fhir/R4/references.html#contained */
export interface ContainedEntries {
  readonly type: string;
  /** Unique in its container. */
  readonly id: string;
  readonly entries: readonly IndexEntry[];
}

/** The ends of open periods, in milliseconds: integers that every store and JSON keep exactly. */
export const DATE_MIN = -9e15;
export const DATE_MAX = 9e15;

/** The ends of open ranges of numbers: before and after every key that `decimalKey` makes. */
export const DECIMAL_MIN: DecimalKey = '!';
export const DECIMAL_MAX: DecimalKey = '~';
