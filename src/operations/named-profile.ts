/** The profile that a person names in short, by its id or its name. https://hl7.org/fhir/R4/structuredefinition.html */
import { isObject, type JsonValue } from '../fhir/resource.ts';
import { findCanonical } from '../interactions/canonical.ts';
import type { Context } from '../interactions/context.ts';
import { text } from '../tabular/json.ts';

/** Where our own definitions are named. */
export const ownBase = 'http://osteon.example/StructureDefinition/';

/**
 * The canonical of the StructureDefinition with that id, also as `StructureDefinition/id`: a stored one or one of our own; otherwise of
 * the stored one with that name. Undefined where there is none.
 */
export async function profileNamed(context: Context, named: string): Promise<string | undefined> {
  const id = named.replace(/^StructureDefinition\//, '');
  for (const canonical of [`StructureDefinition/${id}`, ownBase + id]) {
    const found = await findCanonical(context, 'StructureDefinition', canonical);
    if (found !== undefined) return text(found.content().url) || canonical;
  }
  return byName(context, id);
}

/** The url of the stored StructureDefinition with that name. */
async function byName({ store, registry, settings }: Context, name: string): Promise<string | undefined> {
  const parameter = registry.get('StructureDefinition', 'name')?.parameter;
  if (parameter === undefined) return undefined;
  const { matches } = await store.search({
    parts: [
      {
        type: 'StructureDefinition',
        criterion: { kind: 'value', parameter, anyOf: [{ kind: 'string', match: 'exact', value: name }] },
        sort: [],
      },
    ],
    count: 1,
    total: 'none',
    totalBound: 0,
    budget: settings.searchBudget,
  });
  const body = matches[0]?.body;
  const value: JsonValue = body === undefined ? null : JSON.parse(Buffer.from(body).toString('utf8'));
  return isObject(value) && text(value.url) !== '' ? text(value.url) : undefined;
}
