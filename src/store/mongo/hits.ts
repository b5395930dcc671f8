/** Matches as they were found, and the versions that a page shows of them. https://hl7.org/fhir/R4/http.html#paging */
import type { Version } from '../port.ts';
import { versionsOf as versionsOfResource } from './changes.ts';
import type { Key } from './keyset.ts';
import { bytePaths } from './projection.ts';
import { type Found, idOf, type State } from './state.ts';

/** A match: its place in the walk, and the version to show. */
export interface Hit {
  readonly key: Key;
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** The document with its bytes, where it was read with them. */
  readonly document?: Found;
  /** The local id of the contained resource that matched. */
  readonly contained?: string;
}

/** Where a document has what a version is made of. */
export const versionPaths: readonly string[] = ['version', 'updated', 'method', ...bytePaths];

/** The versions of matches. */
export async function versionsOf(hits: readonly Hit[], state: State): Promise<readonly Version[]> {
  const missing = hits.filter(({ document }) => document === undefined);
  const loaded = new Map<string, Found>();
  for (const type of new Set(missing.map((hit) => hit.type))) {
    const wanted = missing.filter((hit) => hit.type === type);
    for (const document of await documentsOf(type, wanted, state)) loaded.set(`${type}/${idOf(document)}`, document);
  }
  const versions: Version[] = [];
  for (const hit of hits) {
    const document = hit.document ?? loaded.get(`${hit.type}/${hit.id}`);
    // It was erased in the meantime.
    if (document === undefined) continue;
    versions.push({
      type: hit.type,
      id: hit.id,
      versionId: document.version ?? 0,
      lastUpdated: document.updated?.getTime() ?? 0,
      method: document.method ?? 'PUT',
      body: await state.bytes(document),
      ...(hit.contained === undefined ? {} : { contained: hit.contained }),
    });
  }
  return versions;
}

/** The documents with these versions, whether or not they have been replaced since. */
async function documentsOf(type: string, hits: readonly Hit[], state: State): Promise<readonly Found[]> {
  const versions = new Map(hits.map(({ id, version }) => [id, version]));
  const projection = Object.fromEntries(['_id', ...versionPaths].map((path) => [path, 1]));
  const current = await state.findAny(type, 'current', { _id: { $in: [...versions.keys()] } }, projection);
  const same = current.filter((document) => document.version === versions.get(idOf(document)));
  const found = new Set(same.map(idOf));
  const keys = [...versions].filter(([id]) => !found.has(id)).map(([id, version]) => ({ id, version }));
  if (keys.length === 0) return same;
  return [...same, ...(await state.findAny(type, 'history', { _id: { $in: keys } }, projection))];
}

/** Those of superseded versions whose resources were not deleted since, not even to be made anew. */
export async function notDeleted(documents: readonly Found[], type: string, state: State): Promise<readonly Found[]> {
  const ids = [...new Set(documents.map(idOf))];
  const { snapshot } = state;
  if (ids.length === 0 || snapshot === undefined) return [];
  const current = await state.findAny(type, 'current', { _id: { $in: ids }, deleted: null }, { _id: 1 });
  const there = new Set(current.map(idOf));
  const of = ids.filter((id) => there.has(id)).map(versionsOfResource);
  if (of.length === 0) return [];
  // A deletion that another version came after.
  const since = { $or: of, deleted: true, until: { $gt: snapshot.at } };
  for (const deletion of await state.findAny(type, 'history', since, { _id: 1 })) there.delete(idOf(deletion));
  return documents.filter((document) => there.has(idOf(document)));
}
