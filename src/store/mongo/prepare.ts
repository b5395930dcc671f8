/** What of a resource's documents can be made before its version is known. https://hl7.org/fhir/R4/http.html#transaction */
import { Binary, BSON, type Document } from 'mongodb';
import { type Body, bodyBytes } from '../../fhir/body.ts';
import { formatInstant } from '../../fhir/instant.ts';
import type { ContainedEntries, IndexEntry } from '../../search/entry.ts';
import { boundary, wordsOf } from '../../search/words.ts';
import { Unsupported } from '../errors.ts';
import type { Put } from '../write.ts';
import { documentOf } from './bson.ts';
import { pack } from './bytes.ts';
import type { ContainedDocument, Indexed, StoredWords, VersionFields } from './document.ts';
import type { Fields } from './fields.ts';
import { indexedBy, referenceKey } from './values.ts';

/** Bytes of a document above which a part of it goes elsewhere; MongoDB takes 16 MB. */
const largest = 15 * 1024 * 1024;
/** Bodies below this are never near that. */
const surelySmall = 2 * 1024 * 1024;

/** What a version is found by. */
export type Found = Indexed & Pick<VersionFields, 'refs' | 'compartments' | 'contained'>;

export interface Prepared {
  readonly body: Body;
  readonly found: Found;
  readonly words: StoredWords | undefined;
  /** The resource, with another `versionId` and `lastUpdated` than it will have. */
  readonly resource: Document | undefined;
}

/** The content of a version: of `VersionFields`, or the bytes that are too large for it. */
export interface Content {
  readonly fields: Pick<VersionFields, 'resource' | 'bytes' | 'deflated'>;
  /** To be kept in a file. */
  readonly large: Buffer | undefined;
}

/** @throws Error for entries of a parameter that isn't indexed. */
export function prepare({ type, id, body, entries, contained }: Put, fields: Fields): Prepared {
  const { document, json } = documentOf(bodyBytes(body, 0, 0));
  return {
    body,
    found: foundBy(type, id, { entries, contained }, fields),
    words: storedWords(wordsOf(json)),
    resource: document,
  };
}

/** What a resource with these entries is found by. @throws Error for entries of a parameter that isn't indexed. */
export function foundBy(
  type: string,
  id: string,
  {
    entries,
    contained = [],
  }: { readonly entries: readonly IndexEntry[]; readonly contained?: readonly ContainedEntries[] | undefined },
  fields: Fields,
): Found {
  const refs = [
    ...new Set(
      entries.flatMap(({ value }) => (value.kind === 'reference' ? [referenceKey(value.type, value.id)] : [])),
    ),
  ];
  const own = referenceKey(type, id);
  const patients = refs.filter((ref) => ref.startsWith('Patient/') && ref !== own);
  const compartments = type === 'Patient' ? [own, ...patients] : patients;
  const inside = contained.map((each): ContainedDocument => {
    const indexed = indexedBy(each.entries, (entry) => fields.ofEntry(each.type, entry));
    return { type: each.type, id: each.id, ...indexed };
  });
  return {
    ...indexedBy(entries, (entry) => fields.ofEntry(type, entry)),
    ...(refs.length === 0 ? {} : { refs }),
    ...(compartments.length === 0 ? {} : { compartments }),
    ...(inside.length === 0 ? {} : { contained: inside }),
  };
}

/**
 * The content as that version, last updated then (milliseconds).
 * @throws Unsupported where what it is found by is too large.
 */
export function contentOf({ body, resource, found, words }: Prepared, version: number, updated: number): Content {
  const bytes = bodyBytes(body, version, updated);
  const { bytes: packed, deflated } = pack(bytes);
  const document = resource === undefined ? undefined : withVersion(resource, version, updated);
  const flag = deflated ? { deflated: true as const } : {};
  const whole = { ...(document === undefined ? {} : { resource: document }), bytes: new Binary(packed), ...flag };
  if (bytes.byteLength < surelySmall) return { fields: whole, large: undefined };
  const index = BSON.calculateObjectSize({ found, words });
  if (index > largest) {
    throw new Unsupported(
      'The resource has more words and values to be found by than the 16 MB that MongoDB keeps of one: make several of it.',
    );
  }
  const size = document === undefined ? 0 : BSON.calculateObjectSize(document);
  if (index + size + packed.byteLength <= largest) return { fields: whole, large: undefined };
  const { bytes: _elsewhere, resource: _tooLarge, ...rest } = whole;
  const readable = document === undefined || index + size > largest ? {} : { resource: document };
  return { fields: { ...readable, ...rest }, large: packed };
}

function withVersion(resource: Document, version: number, updated: number): Document {
  return { ...resource, meta: { ...resource.meta, versionId: String(version), lastUpdated: formatInstant(updated) } };
}

function storedWords({ narrative, content }: ReturnType<typeof wordsOf>): StoredWords | undefined {
  const [first, second] = [narrative, content].map((words) =>
    [...new Set(words)].filter((word) => word !== boundary).sort(),
  );
  if (first?.length === 0 && second?.length === 0) return undefined;
  return {
    ...(first === undefined || first.length === 0 ? {} : { narrative: first }),
    ...(second === undefined || second.length === 0 ? {} : { content: second }),
  };
}
