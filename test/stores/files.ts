/** A directory of a test's store files. https://hl7.org/fhir/R4/http.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { isObject, type JsonValue, type Resource } from '../../src/fhir/resource.ts';
import type { ContainedEntries, IndexEntry } from '../../src/search/entry.ts';
import type { Store } from '../../src/store/port.ts';
import { openSqliteStore, type SqliteOptions } from '../../src/store/sqlite/store.ts';
import type { Entries } from '../../src/store/write.ts';
import { day, usual } from '../contract/subject.ts';

/** A directory that goes when the file's tests are done; gives paths in it. */
export function directory(): (name: string) => string {
  const path = mkdtempSync(join(tmpdir(), 'osteon-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return (name) => join(path, name);
}

/** What the contract's patients and observations are indexed with, and what they contain, from their bytes. */
export function reextract(bytes: Uint8Array): Entries {
  const content: JsonValue = JSON.parse(Buffer.from(bytes).toString('utf8'));
  if (!isObject(content) || !Array.isArray(content.contained)) return { entries: entriesOf(bytes) };
  const contained = content.contained.map((each: Resource): ContainedEntries => {
    return { type: each.resourceType, id: each.id ?? '', entries: entriesOf(Buffer.from(JSON.stringify(each))) };
  });
  return { entries: entriesOf(bytes), contained };
}

/** The entries of a patient or an observation; a reference to a contained resource is one to a Patient. */
export function entriesOf(bytes: Uint8Array): readonly IndexEntry[] {
  const content: JsonValue = JSON.parse(Buffer.from(bytes).toString('utf8'));
  if (!isObject(content)) return [];
  const entries: IndexEntry[] = [];
  if (Array.isArray(content.identifier)) {
    for (const { system, value } of content.identifier) {
      entries.push({ parameter: 'identifier', value: { kind: 'identifier', system, value } });
    }
  }
  if (isObject(content.code) && typeof content.code.text === 'string') {
    entries.push({ parameter: 'code', value: { kind: 'token', system: 'urn:codes', value: content.code.text } });
  }
  if (isObject(content.subject) && typeof content.subject.reference === 'string') {
    const { reference } = content.subject;
    const [type = '', id = ''] = reference.startsWith('#') ? ['#Patient', reference.slice(1)] : reference.split('/');
    entries.push({ parameter: 'subject', value: { kind: 'reference', type, id, version: '' } });
  }
  return entries;
}

export const parameters = usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' }));

/** Opens a store at a path with the contract's parameters. */
export function openAt(path: string, options: Partial<SqliteOptions> = {}): Promise<Store> {
  return openSqliteStore(`sqlite:${path}`, {
    cursorLifetime: day,
    timezone: 'UTC',
    parameters,
    ...options,
  });
}

/** Fills and removes what there is to fill and remove. */
export async function settle(store: Store, extract: (bytes: Uint8Array) => Entries): Promise<void> {
  while ((await store.parameters.advance(extract, () => {})) !== undefined);
}
