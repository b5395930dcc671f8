/**
 * The hash chain over audit records: each link is hashed with the hash before it, so that nothing in it can be changed,
 * moved or removed without every later hash being another. https://hl7.org/fhir/R4/security.html#audit
 */
import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, DamagedAudit } from './audit-bytes.ts';
import { checkCount, type PartBytes, readParts, writeParts } from './audit-part.ts';

/**
 * records: parts. heads: newest hashes of chains. removed: where chains begin after old batches were removed.
 * damaged: bytes that were found unreadable when they should be sealed, kept for verification to show.
 */
export const linkKind = { records: 0, heads: 1, removed: 2, damaged: 3 } as const;

/** The hash before a chain's first link. */
export const noHash: Uint8Array = new Uint8Array(32);

/** A link of a process's chain. */
export interface Link {
  readonly kind: number;
  /** Records in it. */
  readonly count: number;
  /** Empty for heads and removed. */
  readonly parts: readonly PartBytes[];
  /** The JSON of heads and removed, the bytes of damaged; undefined for records. */
  readonly text: Uint8Array | undefined;
}

/** How far a chain has come: the content of heads and removed links, and of `--head`. */
export interface ChainHead {
  readonly process: string;
  /** Place of the last link. */
  readonly link: number;
  /** Sequence of the last record. */
  readonly sequence: number;
  /** Hexadecimal. */
  readonly hash: string;
}

/** The bytes of a link that are hashed. */
export function linkBody(link: Link): Uint8Array {
  return link.text ?? writeParts(link.parts);
}

/** A link from its hashed bytes. Throws DamagedAudit where they make no sense. */
export function linkOf(kind: number, count: number, body: Uint8Array): Link {
  if (kind !== linkKind.records) return { kind, count, parts: [], text: body };
  const parts = readParts(new ByteReader(body));
  if (count !== parts.reduce((sum, part) => sum + part.count, 0))
    throw new DamagedAudit('a link has other records than it says');
  return { kind, count, parts, text: undefined };
}

/**
 * The chain's hash with this link.
 * @param before the hash so far. @param link the place of the link. @param first the sequence of its first record.
 */
export function hashLink(
  before: Uint8Array,
  process: string,
  link: number,
  first: number,
  of: Link,
  body: Uint8Array,
): Uint8Array {
  const head = `${process}\n${link}\n${of.kind}\n${first}\n${of.count}\n`;
  return createHash('sha256').update(before).update(head, 'latin1').update(body).digest();
}

const textEncoder = new TextEncoder();

/** A link that names chains. */
export function headsLink(kind: typeof linkKind.heads | typeof linkKind.removed, heads: readonly ChainHead[]): Link {
  return { kind, count: 0, parts: [], text: textEncoder.encode(JSON.stringify({ heads })) };
}

/** The chains that a heads or removed link names. Throws DamagedAudit where it is none. */
export function readHeads(text: Uint8Array): readonly ChainHead[] {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(text));
  } catch {
    throw new DamagedAudit('a record of chain heads is no JSON');
  }
  const heads: unknown =
    typeof content === 'object' && content !== null && 'heads' in content ? content.heads : undefined;
  if (!Array.isArray(heads) || !heads.every(isChainHead))
    throw new DamagedAudit('a record of chain heads is malformed');
  return heads;
}

function isChainHead(value: unknown): value is ChainHead {
  if (typeof value !== 'object' || value === null) return false;
  if (!('process' in value && 'hash' in value && 'link' in value && 'sequence' in value)) return false;
  const { process, hash, link, sequence } = value;
  return [process, hash].every((text) => typeof text === 'string') && [link, sequence].every(Number.isSafeInteger);
}

/** The bytes of a batch: what compresses, and what doesn't. */
export interface BatchBytes {
  /** The layout of the links, then their fields. */
  readonly fields: Uint8Array;
  readonly raw: Uint8Array;
}

/** Lays links one behind the other, fields with fields and raw bytes with raw bytes. */
export function joinLinks(links: readonly Link[]): BatchBytes {
  const layout = new ByteWriter(16 + links.length * 24);
  const fields = new ByteWriter(64 * 1024);
  const raw = new ByteWriter(64 * 1024);
  layout.varint(links.length);
  for (const { kind, parts, text } of links) {
    layout.reserve(24);
    layout.varint(kind);
    layout.varint(text === undefined ? parts.length : text.length);
    if (text !== undefined) fields.raw(text);
    for (const part of parts) {
      layout.reserve(24);
      layout.varint(part.count);
      layout.varint(part.fields.length);
      layout.varint(part.raw.length);
      fields.raw(part.fields);
      raw.raw(part.raw);
    }
  }
  const all = new ByteWriter(layout.length + fields.length);
  all.raw(layout.bytes.subarray(0, layout.length));
  all.raw(fields.bytes.subarray(0, fields.length));
  return { fields: all.bytes.subarray(0, all.length), raw: raw.bytes.subarray(0, raw.length) };
}

/** The links that `joinLinks` laid. Throws DamagedAudit where the bytes make no sense. */
export function splitLinks(batch: BatchBytes): readonly Link[] {
  const layout = new ByteReader(batch.fields);
  const shapes: {
    readonly kind: number;
    readonly size: number;
    readonly parts: readonly (readonly [number, number, number])[];
  }[] = [];
  for (let left = layout.varint(); left > 0; left--) {
    const kind = layout.varint();
    const size = layout.varint();
    const parts: [number, number, number][] = [];
    if (kind === linkKind.records) {
      for (let more = size; more > 0; more--) parts.push([layout.varint(), layout.varint(), layout.varint()]);
    }
    shapes.push({ kind, size, parts });
  }
  const fields = new ByteReader(batch.fields, layout.at);
  const raw = new ByteReader(batch.raw);
  const links = shapes.map(({ kind, size, parts }): Link => {
    if (kind !== linkKind.records) return { kind, count: 0, parts: [], text: fields.raw(size) };
    const read = parts.map(([count, fieldsSize, rawSize]) => {
      checkCount(count, rawSize);
      return { count, fields: fields.raw(fieldsSize), raw: raw.raw(rawSize) };
    });
    return { kind, count: read.reduce((sum, { count }) => sum + count, 0), parts: read, text: undefined };
  });
  if (fields.at !== fields.end || raw.at !== raw.end) throw new DamagedAudit('an audit batch has bytes of no link');
  return links;
}
