/** Lowered criteria, as the port has stores take them. https://hl7.org/fhir/R4/search.html */
import type { TypeQuery } from '../store/port.ts';

export type Criterion = TypeQuery['criterion'];
export type ValueCriterion = Extract<Criterion, { readonly kind: 'value' }>;
export type ValueTest = ValueCriterion['anyOf'][number];
export type TokenTest = Extract<ValueTest, { readonly kind: 'token' }>;
/** A test of instants in milliseconds. */
export type InstantTest = Extract<ValueTest, { readonly kind: 'date' }>['interval'];
export type ComparisonOperator = InstantTest[number][number]['operator'];
