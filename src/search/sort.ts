/** The order of matches. https://hl7.org/fhir/R4/search.html#sort */
import type { Relevance, SortBy, SortKey } from './criteria.ts';
import { type LowerContext, refuse } from './lower/context.ts';
import { type Path, spending, targetTypes, unknownStep } from './lower/name.ts';
import { nearest } from './nearest.ts';
import { type NameStep, parseName } from './parse/name.ts';
import type { ParameterRegistry } from './registry.ts';

/**
 * The sort keys of one type; a key may be a chain (`subject:Patient.name`), which sorts by the values of what it leads to.
 * `relevance`: what `_score` means, if the search is one by words. Throws 400 for what the type can't be sorted by.
 */
export function parseSort(
  values: readonly string[],
  type: string,
  registry: ParameterRegistry,
  lowering: LowerContext,
  relevance: Relevance | undefined,
): readonly SortKey[] {
  return values.map((value) => {
    const descending = value.startsWith('-');
    const path = { registry, context: { ...lowering, name: `_sort: ${value.slice(0, 80)}` } };
    const name = descending ? value.slice(1) : value;
    if (name === '_score') return { by: scoreOf(relevance), descending };
    const { steps } = parseName(name, path.context.name);
    return { by: sortBy(steps, type, path, spending(path)), descending };
  });
}

function scoreOf(relevance: Relevance | undefined): SortBy {
  if (relevance !== undefined) return { score: relevance };
  throw refuse('value', '_sort: _score tells how well words are matched; search for some with _text or _content.');
}

function sortBy(steps: readonly NameStep[], type: string, path: Path, spend: () => void): SortBy {
  spend();
  const { registry } = path;
  const [step, ...rest] = steps;
  const code = step?.code ?? '';
  if (step === undefined || code === '_has') throw refuse('value', `${path.context.name} is no parameter to sort by.`);
  if (rest.length === 0 && step.modifier !== undefined)
    throw refuse('value', `${path.context.name}: a parameter to sort by takes no modifier.`);
  if (rest.length === 0 && code === '_id') return 'id';
  if (rest.length === 0 && code === '_lastUpdated') return 'lastUpdated';
  const parameter = registry.get(type, code);
  if (parameter === undefined) {
    const valid = registry.of(type).filter(({ kind }) => kind !== 'composite' && kind !== 'special');
    const names = nearest(
      code,
      valid.map((each) => each.code),
    ).join(', ');
    throw refuse('value', `_sort: ${type} has no search parameter "${code.slice(0, 80)}"; nearest: ${names}.`);
  }
  if (rest.length > 0) {
    const targets = targetTypes(step, parameter, path);
    const known = targets.filter((target) => unknownStep(rest, target, path) === undefined);
    const ends = (known.length === 0 ? targets.slice(0, 1) : known).map((target) => {
      return { target, by: sortBy(rest, target, path, spend) };
    });
    const kinds = new Set(ends.map(({ by }) => kindOf(by)));
    if (kinds.size > 1) {
      throw refuse('value', `${path.context.name}: name the type it leads to, e.g. ${code}:${ends[0]?.target ?? ''}.`);
    }
    return { through: parameter.parameter, ends };
  }
  if (parameter.kind === 'composite') {
    throw refuse('value', `_sort: ${code} is a composite parameter; sort by one of its components.`);
  }
  if (parameter.kind === 'special') throw refuse('value', `_sort: ${code} has no values to sort by.`);
  return parameter.parameter;
}

/** Throws 400 unless the sorts of several types can be merged: keys at the same place are of the same kind. */
export function checkSorts(sorts: readonly (readonly SortKey[])[]): void {
  const [first = []] = sorts;
  for (const [n, key] of first.entries()) {
    const kinds = new Set(sorts.map((sort) => kindOf((sort[n] ?? key).by)));
    if (kinds.size > 1) {
      throw refuse(
        'value',
        `_sort: the searched types have values of different kinds (${[...kinds].join(', ')}) there.`,
      );
    }
  }
}

function kindOf(by: SortBy): string {
  if (typeof by === 'string') return by;
  if ('score' in by) return 'score';
  if (!('through' in by)) return by.kind;
  const [end] = by.ends;
  return end === undefined ? '' : kindOf(end.by);
}
