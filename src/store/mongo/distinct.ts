/** The distinct values of a search parameter. https://hl7.org/fhir/R4/search.html#token */
import type { Parameter } from '../../search/criteria.ts';
import type { SimpleValue } from '../../search/entry.ts';
import type { SearchContext } from './context.ts';
import type { StoredValue } from './document.ts';
import { indexValue } from './values.ts';

/** The values that live resources have of a token or uri parameter, in no order. */
export async function distinctValues(
  { db, fields }: Pick<SearchContext, 'db' | 'fields'>,
  parameter: Parameter,
): Promise<readonly SimpleValue[]> {
  const field = fields.ofParameter(parameter);
  if (field === undefined) return [];
  const path = `$index.${field}`;
  const part = (name: string) => ({ $ifNull: [`${path}.${name}`, null] });
  const found = db
    .collection(parameter.type)
    .aggregate<{ readonly _id: Grouped }>(
      [
        { $match: { present: field } },
        { $project: { _id: 0, [`index.${field}`]: 1 } },
        { $unwind: path },
        { $group: { _id: { s: part('s'), c: part('c'), i: part('i'), u: part('u'), r: part('r') } } },
      ],
      { allowDiskUse: true },
    );
  const values: SimpleValue[] = [];
  for await (const { _id } of found) {
    const value = simpleOf(_id);
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** What tells values apart, null where they don't have it. */
interface Grouped {
  readonly s: string | null;
  readonly c: string | null;
  readonly i: boolean | null;
  readonly u: string | null;
  readonly r: string | null;
}

/** Only codes, identifiers and uris: a reference parameter has other values too. */
function simpleOf({ s, c, i, u, r }: Grouped): SimpleValue | undefined {
  if (r !== null) return undefined;
  const stored: StoredValue = c !== null ? { s, c, ...(i === true ? { i } : {}) } : { u };
  const value = indexValue(stored);
  return value.kind === 'token' || value.kind === 'identifier' || value.kind === 'uri' ? value : undefined;
}
