/**
 * Searches of the benchmark's families as they are done with the bare driver, on the documents that the server wrote: the same
 * resources in the same order, without Bundle, links, walks and time budget. https://hl7.org/fhir/R4/search.html
 */
import type { Db, Document } from 'mongodb';
import { precisionRange } from '../../src/fhir/decimal.ts';
import { normaliseString } from '../../src/search/normalise.ts';

/** What the server reads of a document to serve it. */
export const served = { version: 1, updated: 1, method: 1, deleted: 1, bytes: 1, deflated: 1, file: 1 } as const;

/** The documents that a request of the benchmark shows, those that it includes too. */
export async function bareSearch(db: Db, url: URL): Promise<readonly Document[]> {
  const [, , type = '', id, inside] = url.pathname.split('/');
  const { searchParams } = url;
  const limit = Number(searchParams.get('_count') ?? 50);
  if (inside === '*') return compartment(db, `${type}/${id}`, limit);
  const searched = inside ?? type;
  const filter = await filterOf(db, searched, searchParams);
  if (inside !== undefined) filter.push({ refs: `${type}/${id}` });
  const sort = sortOf(searchParams.get('_sort'));
  if (sort !== undefined) filter.push({ present: sort.name });
  const collection = db.collection<Document>(searched);
  const whole: Document = filter.length === 0 ? {} : { $and: filter };
  const counted = searchParams.has('_summary') || searchParams.get('_total') === 'accurate';
  if (counted) await collection.countDocuments(whole);
  if (searchParams.has('_summary')) return [];
  const names = [...searchParams].filter(([name]) => name.startsWith('_include')).map(([, value]) => value);
  const followed = Object.fromEntries(names.map((each) => [`index.${each.split(':')[1]}.r`, 1]));
  const cursor = collection.find(whole, { projection: { ...served, ...followed } }).limit(limit);
  const page = await (sort === undefined ? cursor : cursor.sort(sort.key)).toArray();
  return [...page, ...(await included(db, searched, page, searchParams))];
}

/** Of each type in turn, until there are enough. */
async function compartment(db: Db, patient: string, limit: number): Promise<readonly Document[]> {
  const found: Document[] = [];
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  for (const type of names.filter((name) => /^[A-Z][A-Za-z]*$/.test(name)).sort()) {
    if (found.length >= limit) break;
    const filter: Document = type === 'Patient' ? { _id: patient.slice('Patient/'.length) } : { refs: patient };
    const some = db.collection<Document>(type).find(filter, { projection: served });
    found.push(...(await some.limit(limit - found.length).toArray()));
  }
  return found;
}

/** What a page's documents refer to, or are referred to by. */
async function included(
  db: Db,
  type: string,
  page: readonly Document[],
  parameters: URLSearchParams,
): Promise<readonly Document[]> {
  const found: Document[] = [];
  let from: { readonly type: string; readonly documents: readonly Document[] } = { type, documents: page };
  for (const [name, value] of parameters) {
    const [source = '', parameter = ''] = value.split(':');
    const path = `index.${parameter}.r`;
    if (name === '_revinclude') {
      const ids = page.map(({ _id }) => `${type}/${_id}`);
      found.push(
        ...(await db
          .collection(source)
          .find({ [path]: { $in: ids } }, { projection: served })
          .toArray()),
      );
    } else if (name.startsWith('_include')) {
      const next = parameters.get('_include:iterate')?.split(':')[1];
      const projection = next === undefined ? served : { ...served, [`index.${next}.r`]: 1 };
      const documents: Document[] = [];
      let target = '';
      for (const [each, ids] of byType(from.documents.flatMap((document) => referencesOf(document, parameter)))) {
        target = each;
        const filter: Document = { _id: { $in: ids } };
        documents.push(...(await db.collection<Document>(each).find(filter, { projection }).toArray()));
      }
      found.push(...documents);
      from = { type: target, documents };
    }
  }
  return found;
}

/** The filters of all criteria; chains are followed first. */
async function filterOf(db: Db, type: string, parameters: URLSearchParams): Promise<Document[]> {
  const filters: Document[] = [];
  for (const [name, value] of parameters) {
    if (name === '_id') filters.push({ _id: { $in: value.split(',') } });
    else if (name.startsWith('_has:')) {
      const [, source = '', reference = '', parameter = ''] = name.split(':');
      const path = `index.${reference}.r`;
      const found = await db.collection(source).distinct(path, criterion(parameter, value));
      const ids = found.flatMap((each) => (String(each).startsWith(`${type}/`) ? [String(each).split('/')[1]] : []));
      filters.push({ _id: { $in: ids } });
    } else if (name.includes('.')) {
      const [, reference = '', target = '', parameter = ''] = /^([^:]*):([^.]*)\.(.*)$/.exec(name) ?? [];
      const found = await db
        .collection(target)
        .find(criterion(parameter, value), { projection: { _id: 1 } })
        .toArray();
      filters.push({ [`index.${reference}.r`]: { $in: found.map(({ _id }) => `${target}/${_id}`) } });
    } else if (!name.startsWith('_')) filters.push(criterion(name, value));
  }
  return filters;
}

/** The filter of one criterion on a document itself. */
function criterion(name: string, value: string): Document {
  const [code = '', modifier] = name.split(':');
  const path = `index.${code}`;
  if (modifier === 'missing') return { present: { $ne: code } };
  if (code === 'family') {
    const text = normaliseString(value).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return { [`${path}.n`]: { $regex: modifier === 'contains' ? text : `^${text}` } };
  }
  const date = /^(ge|lt)?(\d{4}-\d{2}(?:-\d{2})?)$/.exec(value);
  if (date !== null) return { [path]: { $elemMatch: dateTest(date[1], date[2] ?? '') } };
  if (/^\w+\/[^|]*$/.test(value)) return { [`${path}.r`]: { $in: value.split(',') } };
  const parts = value.split('|');
  if (parts.length === 3) {
    const { low, high } = precisionRange(parts[0] ?? '');
    const within = { l: { $gte: low }, h: { $lt: high } };
    return { [path]: { $elemMatch: { ...within, s: parts[1], c: parts[2] } } };
  }
  const token = parts.length === 1 ? { c: parts[0] } : { s: parts[0], c: parts[1] };
  const test = { $elemMatch: token };
  return { [path]: modifier === 'not' ? { $not: test } : test };
}

/** A month or a day, or from or up to a day. */
function dateTest(prefix: string | undefined, text: string): Document {
  const low = Date.parse(text);
  if (prefix === 'ge') return { h: { $gte: low } };
  if (prefix === 'lt') return { l: { $lt: low } };
  const end = new Date(low);
  if (text.length === 7) end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCDate(end.getUTCDate() + 1);
  return { l: { $gte: low }, h: { $lte: end.getTime() } };
}

function sortOf(text: string | null): { readonly name: string; readonly key: Record<string, 1 | -1> } | undefined {
  if (text === null) return undefined;
  const descending = text.startsWith('-');
  const name = descending ? text.slice(1) : text;
  const way = descending ? -1 : 1;
  return { name, key: { [`sort.${name}.${descending ? 'high' : 'low'}`]: way, _id: way } };
}

/** `Type/id` of what a document refers to through a parameter. */
function referencesOf({ index }: Document, parameter: string): readonly string[] {
  const values: readonly { readonly r?: string }[] = index?.[parameter] ?? [];
  return values.flatMap(({ r }) => (r === undefined || r.startsWith('#') ? [] : [r]));
}

function byType(references: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const ids = new Map<string, Set<string>>();
  for (const reference of references) {
    const [type = '', id = ''] = reference.split('/');
    ids.set(type, (ids.get(type) ?? new Set()).add(id));
  }
  return new Map([...ids].map(([type, some]) => [type, [...some]]));
}
