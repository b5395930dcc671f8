/** Writes anew what documents are found by, for search parameters that come and go. https://hl7.org/fhir/R4/searchparameter.html */
import { isDeepStrictEqual } from 'node:util';
import type { AnyBulkWriteOperation, Collection, Db, Document, Filter, UpdateFilter } from 'mongodb';
import { makePace } from '../pace.ts';
import type { Reextract, Rewritten } from '../parameter-index.ts';
import type { Entries } from '../write.ts';
import { type Bodies, projection } from './bodies.ts';
import { historyName, type Indexed, type VersionFields, type VersionKey } from './document.ts';
import type { Fields } from './fields.ts';
import type { PassDocument, PassStage } from './meta.ts';
import { type Found, foundBy } from './prepare.ts';
import type { Types } from './types.ts';
import { indexedBy } from './values.ts';

/** Documents that one step looks at. */
const step = 200;
/** Milliseconds of the thread that a step takes at a time: other requests are answered in between. */
const slice = 3;

/** What a pass fills: the fields by the entries' names, and the fields of everything, for what is contained. */
export interface Filling {
  readonly fields: ReadonlyMap<string, string>;
  readonly all: Fields;
}

/** A document of either collection, as far as this reads it. */
interface Read extends VersionFields {
  readonly _id: string | VersionKey;
}

interface Stored extends Document {
  readonly _id: string | VersionKey;
  readonly present?: string[];
}

const foundFields = { index: 1, present: 1, sort: 1, refs: 1, compartments: 1, contained: 1 } as const;
const foundNames = ['index', 'present', 'sort', 'refs', 'compartments', 'contained'] as const;
const live = { deleted: { $exists: false } } as const;

export class FillingSteps {
  readonly #db: Db;
  readonly #types: Types;
  readonly #bodies: Bodies;
  readonly #fields: () => Fields;

  constructor(db: Db, types: Types, bodies: Bodies, fields: () => Fields) {
    this.#db = db;
    this.#types = types;
    this.#bodies = bodies;
    this.#fields = fields;
  }

  /**
   * Some documents of a pass.
   * @param still whether it is to go on: nothing more is written otherwise.
   * @returns the pass as it goes on; undefined: it is over.
   */
  async fill(
    pass: PassDocument,
    filling: Filling,
    extract: Reextract,
    still: () => boolean,
  ): Promise<{ readonly looked: number; readonly next: PassDocument | undefined }> {
    const [stage, ...later] = pass.queue;
    if (stage === undefined) return { looked: 0, next: undefined };
    const { collection, documents } = await this.#read(stage, pass);
    const updates: AnyBulkWriteOperation<Stored>[] = [];
    const pace = makePace(slice);
    for (const document of documents) {
      if (!still()) return { looked: 0, next: pass };
      const entries = await this.#entriesOf(document, extract);
      await pace();
      if (entries === undefined) continue;
      const update = stage.contained
        ? containedUpdate(document, entries, filling.all)
        : fieldsUpdate(document, entries, filling);
      updates.push({ updateOne: { filter: unchanged(document), update } });
    }
    if (updates.length > 0 && still()) await collection.bulkWrite(updates, { ordered: false });
    const own = !stage.contained && stage.collection === pass.type;
    const done = own ? pass.done + documents.length : pass.done;
    const over = documents.length < step;
    if (over && later.length === 0) return { looked: documents.length, next: undefined };
    const after = over ? 0 : (documents.at(-1)?.change ?? pass.after);
    return { looked: documents.length, next: { ...pass, queue: over ? later : pass.queue, after, done } };
  }

  /** A pass that has not begun. */
  async begin(type: string, keys: readonly string[]): Promise<PassDocument> {
    const types = await this.#types.known();
    const both = types.flatMap((each) => [each, historyName(each)]);
    const queue: PassStage[] = [type, historyName(type)].map((collection) => ({ collection, contained: false }));
    for (const collection of both) queue.push({ collection, contained: true });
    const upto = await this.#types.newest(types);
    const total = (await this.count(new Set([type]))).get(type) ?? 0;
    return { _id: 'pass', type, keys, queue, after: 0, upto, done: 0, total };
  }

  /** How many current resources types have. */
  async count(types: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const type of types) counts.set(type, await this.#db.collection(type).countDocuments(live));
    return counts;
  }

  /** Of these types the ones of which there is nothing: neither current nor kept for walks, nor contained in others. */
  async empty(types: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const empty = new Set(types);
    for (const type of await this.#types.known()) {
      const [current, before] = [this.#db.collection(type), this.#db.collection(historyName(type))];
      const some = await Promise.all([
        current.findOne(live, { projection: { _id: 1 } }),
        before.findOne({ kept: true }, { projection: { _id: 1 } }),
      ]);
      if (some.some((found) => found !== null)) empty.delete(type);
      for (const collection of [current, before]) {
        for (const inside of await collection.distinct('contained.type')) empty.delete(String(inside));
      }
    }
    return empty;
  }

  /** Writes anew what the live resources of a type that a filter finds are found by. */
  async rewrite(type: string, filter: Filter<Stored>, extract: Reextract): Promise<Rewritten> {
    const documents = await this.#current(type)
      .find({ ...filter, ...live }, { projection: reading })
      .limit(step)
      .toArray();
    return this.#rewriteAll(type, documents.map(readOf), extract);
  }

  /** The same for some of them in the order of change numbers; see `ParameterIndex.rewriteSome`. */
  async rewriteSome(type: string, place: readonly number[] | undefined, extract: Reextract): Promise<Rewritten> {
    const [after = 0, upto = await this.#types.newest([type])] = place ?? [];
    const found = await this.#current(type)
      .find({ change: { $gt: after, $lte: upto }, ...live }, { projection: reading })
      .sort({ change: 1 })
      .limit(step)
      .toArray();
    const documents = found.map(readOf);
    const result = await this.#rewriteAll(type, documents, extract);
    const last = documents.at(-1);
    return documents.length < step || last === undefined ? result : { ...result, next: [last.change, upto] };
  }

  /** Removes some values of fields of a type. @returns whether there may be more. */
  async clean(type: string, fields: readonly string[]): Promise<boolean> {
    const types = await this.#types.known();
    const paths = fields.flatMap((field) => [`index.${field}`, `sort.${field}`]);
    const unset = Object.fromEntries(paths.map((path) => [path, '']));
    for (const name of [type, historyName(type)]) {
      const collection = this.#db.collection<Stored>(name);
      const having = { present: { $in: [...fields] } };
      const found = await collection
        .find(having, { projection: { present: 1 } })
        .limit(step)
        .toArray();
      if (found.length === 0) continue;
      const updates = found.map(({ _id, present = [] }) => {
        const left = present.filter((field) => !fields.includes(field));
        const update = { $unset: unset, $set: { present: left }, $inc: { rewritten: 1 } };
        return { updateOne: { filter: { _id, present }, update } };
      });
      await collection.bulkWrite(updates, { ordered: false });
      return true;
    }
    for (const name of types.flatMap((each) => [each, historyName(each)])) {
      const collection = this.#db.collection<Stored>(name);
      const inside = { contained: { $elemMatch: { type, present: { $in: [...fields] } } } };
      const found = await collection
        .find(inside, { projection: { contained: 1 } })
        .limit(step)
        .toArray();
      if (found.length === 0) continue;
      const gone = new Set(fields);
      const updates = found.map(({ _id, contained }) => {
        const set = {
          contained: readContained(contained).map((each) => (each.type === type ? without(each, gone) : each)),
        };
        return { updateOne: { filter: { _id, contained }, update: { $set: set, $inc: { rewritten: 1 } } } };
      });
      await collection.bulkWrite(updates, { ordered: false });
      return true;
    }
    return false;
  }

  async #read(
    stage: PassStage,
    { type, after, upto }: PassDocument,
  ): Promise<{ readonly collection: Collection<Stored>; readonly documents: readonly Read[] }> {
    const collection = this.#db.collection<Stored>(stage.collection);
    const chosen: Filter<Stored> = {
      change: { $gt: after, $lte: upto },
      ...live,
      ...(stage.contained ? { 'contained.type': type } : {}),
      ...(stage.collection.endsWith(historyName('')) ? { kept: true } : {}),
    };
    const found = await collection.find(chosen, { projection: reading }).sort({ change: 1 }).limit(step).toArray();
    return { collection, documents: found.map(readOf) };
  }

  async #rewriteAll(type: string, documents: readonly Read[], extract: Reextract): Promise<Rewritten> {
    const failed: string[] = [];
    const updates: AnyBulkWriteOperation<Stored>[] = [];
    const pace = makePace(slice);
    for (const document of documents) {
      const id = String(document._id);
      const entries = await this.#entriesOf(document, extract);
      await pace();
      if (entries === undefined) {
        failed.push(id);
        continue;
      }
      const found = foundBy(type, id, entries, this.#fields());
      if (isDeepStrictEqual(comparable(foundOf(document)), comparable(found))) continue;
      updates.push({ updateOne: { filter: unchanged(document), update: foundUpdate(found) } });
    }
    if (updates.length > 0) await this.#current(type).bulkWrite(updates, { ordered: false });
    return { looked: documents.length, changed: updates.length, failed };
  }

  /** undefined where they can't be made. */
  async #entriesOf(document: Read, extract: Reextract): Promise<Entries | undefined> {
    const bytes = await this.#bodies.bytesOf(document);
    if (bytes === undefined) return undefined;
    try {
      return extract(bytes);
    } catch {
      return undefined;
    }
  }

  #current(type: string): Collection<Stored> {
    return this.#db.collection<Stored>(type);
  }
}

const reading = { ...projection, ...foundFields, change: 1, rewritten: 1 };

/** A document that was read with `reading`; this store wrote it. */
function readOf(document: Document): Read {
  const { _id, version, change, commit, updated, method, ...rest } = document;
  return { _id, version, change, commit, updated, method, ...rest };
}

function readContained(contained: unknown): readonly (Document & { readonly type: string })[] {
  return Array.isArray(contained) ? contained : [];
}

/** The document as long as it is the version that was read. */
function unchanged({ _id, change }: Read): Filter<Stored> {
  return { _id, change };
}

function foundOf(document: Read): Found {
  return Object.fromEntries(
    foundNames.flatMap((name) => (document[name] === undefined ? [] : [[name, document[name]]])),
  );
}

/** Lists whose order says nothing: filling puts what is new at their ends. */
const unordered: ReadonlySet<string> = new Set(['present', 'refs', 'compartments']);

/** What a resource is found by, in one form, whether it was written at once or filled: filling may leave something empty. */
function comparable(found: Found): Readonly<Record<string, unknown>> {
  const members: readonly (readonly [string, unknown])[] = Object.entries(found);
  return Object.fromEntries(
    members.flatMap(([name, value]) => {
      if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [];
      return [[name, unordered.has(name) && Array.isArray(value) ? [...value].sort() : value]];
    }),
  );
}

function foundUpdate(found: Found): UpdateFilter<Stored> {
  const unset = foundNames.filter((name) => found[name] === undefined);
  const set = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  return {
    ...(Object.keys(set).length === 0 ? {} : { $set: set }),
    ...(unset.length === 0 ? {} : { $unset: Object.fromEntries(unset.map((name) => [name, ''])) }),
    $inc: { rewritten: 1 },
  };
}

/** Writes the values of a pass's fields, and all of what is contained, into a version of the type itself. */
function fieldsUpdate(document: Read, { entries }: Entries, { fields }: Filling): UpdateFilter<Stored> {
  const own = entries.filter(({ parameter }) => fields.has(parameter));
  const { index = {}, sort = {} } = indexedBy(own, (entry) => fields.get(entry));
  const set: Record<string, unknown> = {};
  const unset: Record<string, ''> = {};
  for (const field of fields.values()) {
    for (const [path, value] of [
      [`index.${field}`, index[field]],
      [`sort.${field}`, sort[field]],
    ] as const) {
      if (value === undefined) unset[path] = '';
      else set[path] = value;
    }
  }
  const others = (document.present ?? []).filter((field) => ![...fields.values()].includes(field));
  const { refs = [], compartments = [] } = foundBy(
    '',
    '',
    { entries: own },
    { ofEntry: (_, entry) => fields.get(entry), ofParameter: () => undefined },
  );
  return {
    $set: { ...set, present: [...others, ...Object.keys(index)] },
    ...(Object.keys(unset).length === 0 ? {} : { $unset: unset }),
    $addToSet: { refs: { $each: [...refs] }, compartments: { $each: [...compartments] } },
    $inc: { rewritten: 1 },
  };
}

function containedUpdate({ _id }: Read, { contained = [] }: Entries, fields: Fields): UpdateFilter<Stored> {
  const found = foundBy('', String(_id), { entries: [], contained }, fields);
  return { $set: { contained: found.contained ?? [] }, $inc: { rewritten: 1 } };
}

function without(inside: Indexed & Document, fields: ReadonlySet<string>): Document {
  const keep = <V>(record: Readonly<Record<string, V>> = {}) =>
    Object.fromEntries(Object.entries(record).filter(([field]) => !fields.has(field)));
  const { index, present = [], sort, ...rest } = inside;
  return {
    ...rest,
    index: keep(index),
    present: present.filter((field) => !fields.has(field)),
    ...(sort === undefined ? {} : { sort: keep(sort) }),
  };
}
