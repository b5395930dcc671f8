/** Codes and identifiers. https://hl7.org/fhir/R4/search.html#token */
import type { TokenTest } from '../../../search/criteria.ts';
import { foldToken } from '../../../search/normalise.ts';
import { beginsWith, type Filter } from '../filter.ts';
import type { Element } from './element.ts';

/** Codes of one system, or of any, that are compared in one way. */
interface Listed {
  readonly field: 'c' | 'f';
  readonly system: string | undefined;
  readonly codes: Set<string>;
}

export function token(tests: readonly TokenTest[]): Element {
  const lists = new Map<string, Listed>();
  const others: Filter[] = [];
  for (const { system, code, fold, begins } of tests) {
    const field = fold ? 'f' : 'c';
    const ofSystem = system === undefined ? {} : { s: system };
    if (code === undefined) {
      // Values of other kinds, such as references, have no system.
      others.push(system === undefined ? { f: { $gte: '' } } : { ...ofSystem, f: { $gte: '' } });
      continue;
    }
    const text = fold ? foldToken(code) : code;
    if (begins === true) {
      others.push({ [field]: beginsWith(text), ...ofSystem });
      continue;
    }
    const key = `${field}${system === undefined ? '' : `|${system}`}`;
    const list = lists.get(key) ?? { field, system, codes: new Set() };
    lists.set(key, list);
    list.codes.add(text);
  }
  const listed = [...lists.values()].map(({ field, system, codes }): Filter => {
    const [only] = codes;
    return { [field]: codes.size === 1 ? only : { $in: [...codes] }, ...(system === undefined ? {} : { s: system }) };
  });
  return { anyOf: [...listed, ...others], exact: true };
}
