/** The order of matches. https://hl7.org/fhir/R4/search.html#sort */
import type { SortKey } from './criteria.ts';
import { refuse } from './lower/context.ts';
import { nearest } from './nearest.ts';
import type { ParameterRegistry } from './registry.ts';

/** The sort keys of one type. Throws 400 for what the type can't be sorted by. */
export function parseSort(values: readonly string[], type: string, registry: ParameterRegistry): readonly SortKey[] {
  return values.map((value) => {
    const descending = value.startsWith('-');
    const code = descending ? value.slice(1) : value;
    if (code === '_id') return { by: 'id', descending };
    if (code === '_lastUpdated') return { by: 'lastUpdated', descending };
    const parameter = registry.get(type, code);
    if (parameter === undefined) {
      if (code.includes('.'))
        throw refuse('not-supported', `_sort: sorting by a chain (${code}) is not supported yet.`);
      const valid = registry.of(type).filter(({ kind }) => kind !== 'composite' && kind !== 'special');
      const names = nearest(
        code,
        valid.map((each) => each.code),
      ).join(', ');
      throw refuse('value', `_sort: ${type} has no search parameter "${code.slice(0, 80)}"; nearest: ${names}.`);
    }
    if (parameter.kind === 'composite') {
      throw refuse('value', `_sort: ${code} is a composite parameter; sort by one of its components.`);
    }
    if (parameter.kind === 'special') throw refuse('value', `_sort: ${code} has no values to sort by.`);
    return { by: parameter.parameter, descending };
  });
}

/** Throws 400 unless the sorts of several types can be merged: keys at the same place are of the same kind. */
export function checkSorts(sorts: readonly (readonly SortKey[])[]): void {
  const [first = []] = sorts;
  for (const [n, key] of first.entries()) {
    const kinds = new Set(sorts.map((sort) => kindOf(sort[n] ?? key)));
    if (kinds.size > 1) {
      throw refuse(
        'value',
        `_sort: the searched types have values of different kinds (${[...kinds].join(', ')}) there.`,
      );
    }
  }
}

function kindOf({ by }: SortKey): string {
  return typeof by === 'string' ? by : by.kind;
}
