/** What the filters of includes mean for one concept. https://hl7.org/fhir/R4/valueset-filter-operator.html */
import { failure } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import { andThen, type ConceptDetail, type Concepts, type ConceptTest, type Filter, type Soon } from './concepts.ts';
import { text } from './json.ts';
import { shorten } from './shorten.ts';

const byHierarchy: ReadonlySet<string> = new Set([
  ...['=', 'is-a', 'descendent-of', 'is-not-a', 'generalizes', 'in', 'not-in'],
]);
const byProperty: ReadonlySet<string> = new Set(['=', 'in', 'not-in', 'exists']);

/** A filter as a value set has it. */
export function readFilter(filter: JsonObject): Filter {
  return { property: text(filter.property), op: text(filter.op), value: text(filter.value) };
}

/** Whether the filter is on the concept itself, not on one of its properties. */
export function isOnConcept({ property }: Filter): boolean {
  return property === 'concept' || property === 'code';
}

/** Throws 400 `not-supported` for a filter that can't be followed. */
export function checkFilter(filter: Filter, concepts: Pick<Concepts, 'url' | 'properties'>): void {
  const { property, op } = filter;
  if (isOnConcept(filter) ? byHierarchy.has(op) : concepts.properties.has(property) && byProperty.has(op)) return;
  const what = `the filter ${shorten(property)} ${shorten(op)} of a value set on ${shorten(concepts.url)}`;
  throw failure(400, 'not-supported', `${what} is not supported.`);
}

/** The values that `in` and `not-in` list. */
export function listed({ value }: Filter): readonly string[] {
  return value.split(',').map((each) => each.trim());
}

/** Whether a concept passes a filter that `checkFilter` has let pass. */
export function passes(concepts: Concepts, concept: ConceptDetail, filter: Filter): Soon<boolean> {
  const { code } = concept;
  const { op, value } = filter;
  if (!isOnConcept(filter)) return andThen(valuesOf(concepts, concept, filter.property), (of) => holds(filter, of));
  switch (op) {
    case '=':
      return code === value;
    case 'in':
      return listed(filter).includes(code);
    case 'not-in':
      return !listed(filter).includes(code);
    case 'generalizes':
      return code === value || concepts.subsumed(code, value);
    case 'descendent-of':
      return code !== value && concepts.subsumed(value, code);
    case 'is-not-a':
      return code !== value && andThen(concepts.subsumed(value, code), (below) => !below);
    default:
      return code === value || concepts.subsumed(value, code);
  }
}

/** Whether a property with these values passes a filter on it. */
export function holds(filter: Filter, values: readonly string[]): boolean {
  switch (filter.op) {
    case '=':
      return values.includes(filter.value);
    case 'in':
      return values.some((each) => listed(filter).includes(each));
    case 'not-in':
      return !values.some((each) => listed(filter).includes(each));
    default:
      return values.length > 0 === (filter.value === 'true');
  }
}

function valuesOf(concepts: Concepts, concept: ConceptDetail, property: string): Soon<readonly string[]> {
  if (property === 'parent') return concept.parents;
  if (property === 'child')
    return andThen(concepts.children(concept.code), (found) => (found ?? []).map(({ code }) => code));
  return (concept.properties ?? []).filter(([code]) => code === property).map(([, value]) => value);
}

/** The filters of an include as one test; undefined where none says it. */
export function testOf(filters: readonly Filter[]): ConceptTest | undefined {
  const tests: ConceptTest[] = [];
  for (const filter of filters) {
    const test = isOnConcept(filter) ? ofConcept(filter) : ofProperty(filter);
    if (test === undefined) return undefined;
    tests.push(test);
  }
  const [first = {}, ...others] = tests;
  return others.length === 0 ? first : { allOf: tests };
}

function ofConcept(filter: Filter): ConceptTest | undefined {
  const { op, value } = filter;
  switch (op) {
    case '=':
      return { codes: [value] };
    case 'in':
      return { codes: listed(filter) };
    case 'not-in':
      return { noneOf: [{ codes: listed(filter) }] };
    case 'is-a':
    case 'descendent-of':
      return { under: { code: value, self: op === 'is-a' } };
    case 'is-not-a':
      return { noneOf: [{ under: { code: value, self: true } }] };
    default:
      return undefined;
  }
}

function ofProperty(filter: Filter): ConceptTest | undefined {
  const { property, op, value } = filter;
  if (property === 'child') return undefined;
  if (op !== '=' && op !== 'in' && op !== 'not-in' && op !== 'exists') return undefined;
  const values = op === 'in' || op === 'not-in' ? listed(filter) : [value];
  return { properties: [{ code: property, op, values }] };
}
