/** Whether a document is what its bytes make of it. https://hl7.org/fhir/R4/search.html */
import { isDeepStrictEqual } from 'node:util';
import type { Document, UpdateFilter } from 'mongodb';
import { makeBody } from '../../fhir/body.ts';
import type { IndexEntry } from '../../search/entry.ts';
import type { Reextract } from '../parameter-index.ts';
import type { Entries } from '../write.ts';
import type { Bodies } from './bodies.ts';
import { bufferOf, unpack } from './bytes.ts';
import { type ParameterRow, RowFields } from './parameters.ts';
import { contentOf, prepare } from './prepare.ts';

/** What is wrong with a document, and what puts it right. */
export interface Problem {
  readonly text: string;
  readonly update?: UpdateFilter<Document>;
}

/** Members that are made of the bytes. */
const made = ['resource', 'index', 'present', 'sort', 'refs', 'compartments', 'contained', 'words'] as const;

type Made = { readonly [K in (typeof made)[number]]?: unknown };

export function changeOf(document: Document | undefined): number | undefined {
  return typeof document?.change === 'number' ? document.change : undefined;
}

export class DocumentCheck {
  readonly #bodies: Bodies;
  readonly #reextract: Reextract;
  readonly #current: RowFields;
  /** Those of the current ones that this release made. */
  readonly #settled: RowFields;
  /** `Type code` of what is being filled or removed, or was made by an earlier release: documents may have its values or not. */
  readonly #unsettled: ReadonlySet<string>;

  /** @param rows the database's parameters; `reextract` gives the entries of the current ones, `isEarlier` tells those of an earlier release. */
  constructor(
    bodies: Bodies,
    rows: readonly ParameterRow[],
    reextract: Reextract,
    isEarlier: (parameter: ParameterRow) => boolean = () => false,
  ) {
    this.#bodies = bodies;
    this.#reextract = reextract;
    const settled = new Set(rows.filter((row) => row.status === 'current' && !isEarlier(row)));
    this.#current = new RowFields(rows.filter(({ status }) => status === 'current'));
    this.#settled = new RowFields([...settled]);
    this.#unsettled = new Set(rows.filter((row) => !settled.has(row)).map(({ type, field }) => `${type} ${field}`));
  }

  /** What is wrong with a version of a resource, undefined where nothing is. */
  async problem(type: string, id: string, document: Document): Promise<Problem | undefined> {
    const { version, updated, method, deleted, kept } = document;
    if (deleted === true) {
      const has = [...made, 'bytes', 'file'].some((name) => document[name] !== undefined);
      return has || method !== 'DELETE' ? { text: 'it is deleted, and has something yet' } : undefined;
    }
    let bytes: Uint8Array;
    try {
      bytes = await this.#bytesOf(document);
    } catch {
      return { text: 'its bytes are lost or damaged: restore a backup' };
    }
    let wanted: Made & { readonly bytes: Uint8Array };
    try {
      wanted = this.#made(type, id, bytes, version, updated.getTime(), this.#settled);
    } catch (error) {
      const reason = error instanceof Error ? error.name : 'an unknown failure';
      return { text: `it can't be indexed (${reason}): restore a backup` };
    }
    if (Buffer.compare(wanted.bytes, bytes) !== 0)
      return { text: 'its bytes are of another version or time than it: restore a backup' };
    // A version that no walk can show any more is found by nothing.
    const isFound = kept === true || typeof document._id === 'string';
    const wrong = made.filter((name) => (isFound || name === 'resource') && !this.#same(type, name, wanted, document));
    if (wrong.length === 0) return undefined;
    // What is put right has values also of those that an earlier release made, which go on answering.
    const right = this.#made(type, id, bytes, version, updated.getTime(), this.#current);
    return {
      text: `its ${wrong.join(', ')} ${wrong.length === 1 ? 'is' : 'are'} not what its bytes say`,
      update: correction(wrong, right),
    };
  }

  async #bytesOf({ bytes, deflated, file }: Document): Promise<Uint8Array> {
    const flag = deflated === true ? { deflated: true as const } : {};
    const found = await this.#bodies.bytesOf({
      ...(bytes === undefined ? {} : { bytes }),
      ...(file === undefined ? {} : { file }),
      ...flag,
    });
    if (found === undefined) throw new Error('no bytes');
    return found;
  }

  /** What a commit would have made of the bytes, as far as it is of these parameters. */
  #made(
    type: string,
    id: string,
    bytes: Uint8Array,
    version: number,
    updated: number,
    fields: RowFields,
  ): Made & { readonly bytes: Uint8Array } {
    const body = makeBody(bytes, id);
    const entries = entriesOf(fields, type, this.#reextract(bytes));
    const prepared = prepare({ kind: 'put', method: 'PUT', type, id, body, ...entries }, fields);
    const { fields: content, large } = contentOf(prepared, version, updated);
    const packed = large ?? (content.bytes === undefined ? new Uint8Array() : bufferOf(content.bytes));
    return {
      ...prepared.found,
      words: prepared.words,
      resource: content.resource,
      bytes: unpack(packed, content.deflated === true),
    };
  }

  #same(type: string, name: (typeof made)[number], wanted: Made, document: Document): boolean {
    const [one, other] = [wanted[name], document[name]];
    switch (name) {
      case 'index':
      case 'sort':
        return isDeepStrictEqual(one ?? {}, this.#settledFields(type, other));
      case 'present':
        return isDeepStrictEqual(
          sorted(one),
          sorted(other).filter((field) => this.#isSettled(type, field)),
        );
      case 'refs':
      case 'compartments':
        // What refers by a parameter that comes or goes may be among them.
        return this.#unsettled.size > 0
          ? sorted(one).every((each) => sorted(other).includes(each))
          : isDeepStrictEqual(sorted(one), sorted(other));
      case 'contained':
        return this.#unsettled.size > 0 || isDeepStrictEqual(one ?? [], other ?? []);
      default:
        return isDeepStrictEqual(one, other);
    }
  }

  #isSettled(type: string, field: string): boolean {
    return !this.#unsettled.has(`${type} ${field}`);
  }

  #settledFields(type: string, found: unknown): Document {
    return Object.fromEntries(Object.entries(found ?? {}).filter(([field]) => this.#isSettled(type, field)));
  }
}

/** Those of these parameters. */
function entriesOf(fields: RowFields, type: string, { entries, contained }: Entries): Entries {
  const known = (of: string) => (entry: IndexEntry) => fields.ofEntry(of, entry.parameter) !== undefined;
  return {
    entries: entries.filter(known(type)),
    ...(contained !== undefined && {
      contained: contained.map((each) => ({ ...each, entries: each.entries.filter(known(each.type)) })),
    }),
  };
}

/** Texts in an order; of what is none, none. */
function sorted(texts: unknown): readonly string[] {
  return Array.isArray(texts) ? texts.map(String).sort() : [];
}

/** Sets what is wrong; values of parameters that are coming are filled in again by the one that fills them. */
function correction(wrong: readonly (typeof made)[number][], wanted: Made): UpdateFilter<Document> {
  const set = Object.fromEntries(wrong.flatMap((name) => (wanted[name] === undefined ? [] : [[name, wanted[name]]])));
  const unset = Object.fromEntries(wrong.flatMap((name) => (wanted[name] === undefined ? [[name, '' as const]] : [])));
  return {
    ...(Object.keys(set).length === 0 ? {} : { $set: set }),
    ...(Object.keys(unset).length === 0 ? {} : { $unset: unset }),
    $inc: { rewritten: 1 },
  };
}
