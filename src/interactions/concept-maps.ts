/** The ConceptMaps that may translate a code, where none is named. https://hl7.org/fhir/R4/conceptmap-operation-translate.html */
import type { JsonObject } from '../fhir/resource.ts';
import type { Criterion } from '../search/criteria.ts';
import { builtIn, builtInUrls } from '../terminology/built-in.ts';
import { objects, text } from '../terminology/json.ts';
import { contentOf } from './canonical.ts';
import type { Context } from './context.ts';

/** How many maps of the store are asked. */
const mostMaps = 200;

/** The store's maps, then R4's own, that have a group from (or with `reverse` to) the system. */
export async function mapsFrom(context: Context, system: string, reverse: boolean): Promise<readonly JsonObject[]> {
  const stored = await storedMaps(context, system, reverse);
  const urls = new Set(stored.map(({ url }) => text(url)));
  return [...stored, ...ofR4().filter((map) => hasGroup(map, system, reverse) && !urls.has(text(map.url)))];
}

async function storedMaps({ store, registry, settings }: Context, system: string, reverse: boolean) {
  const parameter = registry.get('ConceptMap', reverse ? 'target-system' : 'source-system')?.parameter;
  if (parameter === undefined) return [];
  const criterion: Criterion = {
    kind: 'value',
    parameter,
    anyOf: [{ kind: 'uri', match: 'exact', value: system }],
  };
  const page = await store.search({
    parts: [{ type: 'ConceptMap', criterion, sort: [] }],
    count: mostMaps,
    total: 'none',
    totalBound: 0,
    budget: settings.searchBudget,
  });
  return page.matches.map(contentOf).filter(({ status }) => status !== 'retired');
}

let own: readonly JsonObject[] | undefined;

/** R4's own maps: some tens of small ones, read when they are first asked. */
function ofR4(): readonly JsonObject[] {
  const maps = own ?? builtInUrls('ConceptMap').map((url) => builtIn('ConceptMap', url) ?? {});
  own = maps;
  return maps;
}

function hasGroup(map: JsonObject, system: string, reverse: boolean): boolean {
  return objects(map.group).some(({ source, target }) => (reverse ? target : source) === system);
}
