/** Names that only `_filter` has: for what repeats in a resource, with its parts. https://hl7.org/fhir/R4/search_filter.html#params */
import type { Criterion, SimpleTest } from '../criteria.ts';
import { type LowerContext, refuse } from '../lower/context.ts';
import type { ParameterRegistry, SearchParameter } from '../registry.ts';
import { lowerComparison, lowerComponent } from './compare.ts';
import type { Filter, FilterTest } from './tree.ts';

interface Repetition {
  /** The composite parameter whose values are the repetitions. */
  readonly composite: string;
  /** By the names of the parts, in the order of the composite's components: the parameters that each equals. */
  readonly parts: readonly (readonly [name: string, code: string])[];
}

/** R4's table; the elements of its rows on Observation and ServiceRequest aren't in R4 any more. */
const repetitions: Readonly<Record<string, Readonly<Record<string, Repetition>>>> = {
  Group: {
    characteristic: {
      composite: 'characteristic-value',
      parts: [
        ['code', 'characteristic'],
        ['value', 'value'],
      ],
    },
  },
  DocumentReference: {
    relatesTo: {
      composite: 'relationship',
      parts: [
        ['target', 'relatesto'],
        ['code', 'relation'],
      ],
    },
  },
};

/** Whether a path's first name is one of these, with a part behind it. */
export function isRepetition({ path }: FilterTest, type: string): boolean {
  return path.length > 1 && repetitionOf(path[0]?.name ?? '', type) !== undefined;
}

function repetitionOf(name: string, type: string): Repetition | undefined {
  const known = Object.hasOwn(repetitions, type) ? repetitions[type] : undefined;
  return known !== undefined && Object.hasOwn(known, name) ? known[name] : undefined;
}

/**
 * The criterion on a repetition: `relatesTo[code eq replaces].target re DocumentReference/1`. Undefined for a path that
 * isn't one. Throws 400 for parts that it doesn't have and comparisons that can't be made within one repetition.
 */
export function lowerRepetition(
  test: FilterTest,
  type: string,
  registry: ParameterRegistry,
  context: LowerContext,
): Criterion | undefined {
  const [first, last, ...rest] = test.path;
  const name = first?.name ?? '';
  const repetition = repetitionOf(name, type);
  if (repetition === undefined || last === undefined) return undefined;
  const composite = registry.get(type, repetition.composite);
  if (composite === undefined) return undefined;
  const names = repetition.parts.map(([part]) => part);
  const [one = '', two = ''] = names;
  const usage = `${context.name}: write ${name}[${one} eq …].${two} eq … or ${name}[${two} eq …].${one} eq …`;
  if (rest.length > 0 || first?.within === undefined) throw refuse('invalid', `${usage}.`);
  const inner = alternatives(first.within);
  const place = names.indexOf(last.name);
  const other = 1 - place;
  if (place < 0 || inner?.every(({ path }) => path.length === 1 && path[0]?.name === names[other]) !== true)
    throw refuse('not-supported', `${usage}; in brackets stands the other part, once or more with or.`);
  if (test.operator === 'pr') {
    // R4 makes both parts mandatory: a repetition with one of them has the other.
    const parameter = registry.get(type, repetition.parts[other]?.[1] ?? '');
    if (parameter === undefined) return undefined;
    const some: Criterion = { kind: 'or', of: inner.map((each) => lowerComparison(each, parameter, context)) };
    if (test.value !== 'true' && test.value !== 'false') throw refuse('value', `${context.name}: write true or false.`);
    return test.value === 'true' ? some : { kind: 'not', of: some };
  }
  const sought = testsOf(test, composite, place, context);
  const given = inner.flatMap((each) => testsOf(each, composite, other, context));
  const anyOf = sought.flatMap((outer) =>
    given.map((each) => ({ kind: 'composite', components: place === 0 ? [outer, each] : [each, outer] }) as const),
  );
  context.allowance.values(anyOf.length);
  return anyOf.length === 0 ? { kind: 'or', of: [] } : { kind: 'value', parameter: composite.parameter, anyOf };
}

function testsOf(
  test: FilterTest,
  composite: SearchParameter,
  place: number,
  context: LowerContext,
): readonly SimpleTest[] {
  const part = composite.parts[place];
  return part === undefined ? [] : lowerComponent(test, part, context);
}

/** The comparisons of which any has to hold; undefined for a filter that isn't that simple. */
function alternatives(filter: Filter): readonly FilterTest[] | undefined {
  if (filter.kind === 'test') return [filter];
  if (filter.kind !== 'or') return undefined;
  const all = filter.of.map(alternatives);
  return all.includes(undefined) ? undefined : all.flatMap((each) => each ?? []);
}
