/** What the filters of includes mean for one concept. https://hl7.org/fhir/R4/valueset-filter-operator.html */
import { type Pattern, patternOf } from '../fhir/fhirpath/pattern.ts';
import { Budget } from '../fhir/fhirpath/scope.ts';
import { ExpressionFault } from '../fhir/fhirpath/syntax.ts';
import { failure } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import { andThen, type ConceptDetail, type Concepts, type ConceptTest, type Filter, type Soon } from './concepts.ts';
import { text } from './json.ts';
import { shorten } from './shorten.ts';
import type { Work } from './work.ts';

const byHierarchy: ReadonlySet<string> = new Set([
  ...['=', 'is-a', 'descendent-of', 'is-not-a', 'generalizes', 'in', 'not-in', 'regex'],
]);
const byProperty: ReadonlySet<string> = new Set(['=', 'in', 'not-in', 'exists', 'regex']);

/** What 2,000 steps of a regular expression count for. */
const patternSteps = 100;

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
  const { property, op, value } = filter;
  const what = `the filter ${shorten(property)} ${shorten(op)} of a value set on ${shorten(concepts.url)}`;
  if (!(isOnConcept(filter) ? byHierarchy.has(op) : concepts.properties.has(property) && byProperty.has(op))) {
    throw failure(400, 'not-supported', `${what} is not supported.`);
  }
  try {
    if (op === 'regex') patternOf(value);
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    throw failure(400, 'not-supported', `${what} can't be followed: ${error.message}.`);
  }
}

/** The values that `in` and `not-in` list. */
export function listed({ value }: Filter): readonly string[] {
  return value.split(',').map((each) => each.trim());
}

/** A filter's values: those that it lists, or its one. */
export function wantedBy(filter: Filter): readonly string[] {
  return filter.op === 'in' || filter.op === 'not-in' ? listed(filter) : [filter.value];
}

/** Whether the values that a concept has of something are as wanted. */
export type ValueTest = (values: readonly string[]) => boolean;

/** Tests values by an operator other than `regex`. */
export function valueTest(op: string, wanted: readonly string[]): ValueTest {
  const [first = ''] = wanted;
  const all = new Set(wanted);
  switch (op) {
    case '=':
      return (values) => values.includes(first);
    case 'in':
      return (values) => values.some((each) => all.has(each));
    case 'not-in':
      return (values) => !values.some((each) => all.has(each));
    default:
      return (values) => values.length > 0 === (first === 'true');
  }
}

/** Tests values as a filter that `checkFilter` has let pass says. With `regex` throws 400 `too-costly` for more work than `work` has left. */
export function filterTest(filter: Filter, work: Work): ValueTest {
  return filter.op === 'regex' ? patternTest(patternOf(filter.value), work) : valueTest(filter.op, wantedBy(filter));
}

/** A regular expression is one of the whole value. */
function patternTest(pattern: Pattern, work: Work): ValueTest {
  // What the pattern takes for the time is the work that it has done.
  const budget = new Budget(0, () => {
    work.spend(patternSteps);
    return 0;
  });
  return (values) => values.some((each) => pattern.test(each, true, budget));
}

/** Tests concepts by a filter that `checkFilter` has let pass. Throws as `filterTest` does. */
export function conceptTest(concepts: Concepts, filter: Filter, work: Work): (concept: ConceptDetail) => Soon<boolean> {
  const { property, op, value } = filter;
  if (!isOnConcept(filter) || op === 'regex' || op === '=' || op === 'in' || op === 'not-in') {
    const test = filterTest(filter, work);
    return isOnConcept(filter)
      ? ({ code }) => test([code])
      : (concept) => andThen(valuesOf(concepts, concept, property), test);
  }
  switch (op) {
    case 'generalizes':
      return ({ code }) => code === value || concepts.subsumed(code, value);
    case 'descendent-of':
      return ({ code }) => code !== value && concepts.subsumed(value, code);
    case 'is-not-a':
      return ({ code }) => code !== value && andThen(concepts.subsumed(value, code), (below) => !below);
    default:
      return ({ code }) => code === value || concepts.subsumed(value, code);
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
  const { property, op } = filter;
  if (property === 'child') return undefined;
  if (op !== '=' && op !== 'in' && op !== 'not-in' && op !== 'exists') return undefined;
  return { properties: [{ code: property, op, values: wantedBy(filter) }] };
}

/** Whether the codes that other filters leave are looked at one by one: what is below each is not known of it, `part` looks at all at once. */
export function isPattern({ op, property }: Filter): boolean {
  return op === 'regex' && property !== 'child';
}
