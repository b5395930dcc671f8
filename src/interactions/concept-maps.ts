/** The ConceptMaps that may translate a code, where none is named. https://hl7.org/fhir/R4/conceptmap-operation-translate.html */
import type { JsonObject } from '../fhir/resource.ts';
import type { Criterion } from '../search/criteria.ts';
import { builtIn, builtInUrls } from '../terminology/built-in.ts';
import { objects, text } from '../terminology/json.ts';
import { contentOf, type Found, findCanonical } from './canonical.ts';
import type { Context } from './context.ts';

/** How many maps of the store are asked. */
const mostMaps = 200;

/**
 * The maps of the store, then of files, then R4's own, that have a group from (or with `reverse` to) the system: of each url the one that it
 * means, unless that is retired.
 */
export async function mapsFrom(context: Context, system: string, reverse: boolean): Promise<readonly JsonObject[]> {
  const stored = await storedMaps(context, system, reverse);
  const others = [...filedMaps(context), ...ofR4()].filter(({ sources, targets }) =>
    (reverse ? targets : sources).has(system),
  );
  const urls = new Set([...stored, ...others].map(({ url }) => text(url)).filter((url) => url !== ''));
  const maps = stored.filter(({ url }) => text(url) === '');
  for (const url of urls) {
    const map = (await findCanonical(context, 'ConceptMap', url))?.content();
    if (map !== undefined && hasGroup(map, system, reverse)) maps.push(map);
  }
  return maps.filter(({ status }) => status !== 'retired');
}

function hasGroup({ group }: JsonObject, system: string, reverse: boolean): boolean {
  return objects(group).some(({ source, target }) => (reverse ? target : source) === system);
}

async function storedMaps(
  { store, registry, settings }: Context,
  system: string,
  reverse: boolean,
): Promise<JsonObject[]> {
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
  return page.matches.map(contentOf);
}

/** The systems of a map's groups. */
interface Known {
  readonly url: string;
  readonly sources: ReadonlySet<string>;
  readonly targets: ReadonlySet<string>;
}

function known({ url, group }: JsonObject): Known {
  const systems = (side: 'source' | 'target') => new Set(objects(group).map((each) => text(each[side])));
  return { url: text(url), sources: systems('source'), targets: systems('target') };
}

/** By what files have: that is another list when they are read anew. */
const filed = new WeakMap<readonly Found[], readonly Known[]>();

function filedMaps(context: Context): readonly Known[] {
  const maps = context.filed?.maps?.();
  if (maps === undefined) return [];
  const read = filed.get(maps) ?? maps.map(({ content }) => known(content()));
  filed.set(maps, read);
  return read;
}

let own: readonly Known[] | undefined;

/** R4's own maps: some tens of small ones, read when they are first asked. */
function ofR4(): readonly Known[] {
  own ??= builtInUrls('ConceptMap').map((url) => known(builtIn('ConceptMap', url) ?? {}));
  return own;
}
