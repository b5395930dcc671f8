/** The distinct values of a parameter. https://hl7.org/fhir/R4/search.html#token */
import type { Db } from 'mongodb';
import type { Parameter } from '../../search/criteria.ts';
import type { SimpleValue } from '../../search/entry.ts';
import type { StoredValue } from './document.ts';
import type { Fields } from './fields.ts';
import { indexValue } from './values.ts';

/** The distinct values of a token or uri parameter that live resources have, in no order. */
export async function distinctValues(db: Db, fields: Fields, parameter: Parameter): Promise<readonly SimpleValue[]> {
  const field = fields.ofParameter(parameter);
  if (field === undefined) return [];
  const path = `$index.${field}`;
  const found = db
    .collection(parameter.type)
    .aggregate<{ readonly _id: StoredValue }>([
      { $match: { present: field, deleted: { $exists: false } } },
      { $project: { _id: 0, value: path } },
      { $unwind: '$value' },
      { $group: { _id: '$value' } },
    ]);
  const values: SimpleValue[] = [];
  for await (const { _id } of found) {
    const value = indexValue(_id);
    if (value.kind !== 'composite' && value.kind !== 'position') values.push(value);
  }
  return values;
}
