/** Documents as the port's versions. https://hl7.org/fhir/R4/http.html#read */
import type { Version } from '../port.ts';
import { bufferOf, unpack } from './bytes.ts';
import type { CurrentDocument, HistoryDocument, VersionFields } from './document.ts';
import type { Files } from './files.ts';

/** What `Bodies` need of a document. */
export const projection = { version: 1, updated: 1, method: 1, deleted: 1, bytes: 1, deflated: 1, file: 1 } as const;

type Stored = Pick<VersionFields, 'version' | 'updated' | 'method' | 'deleted' | 'bytes' | 'deflated' | 'file'>;

type Content = Pick<Stored, 'deleted' | 'bytes' | 'deflated' | 'file'>;

export class Bodies {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  /** The version that a document has. */
  async versionOf(type: string, document: Stored & Pick<CurrentDocument | HistoryDocument, '_id'>): Promise<Version> {
    const { _id, version, updated, method } = document;
    return {
      type,
      id: typeof _id === 'string' ? _id : _id.id,
      versionId: version,
      lastUpdated: updated.getTime(),
      method,
      body: await this.bytesOf(document),
    };
  }

  /** The exact bytes; undefined for a deletion. */
  async bytesOf({ deleted, bytes, deflated, file }: Content): Promise<Uint8Array | undefined> {
    if (deleted === true) return undefined;
    if (bytes !== undefined) return unpack(bufferOf(bytes), deflated === true);
    if (file !== undefined) return unpack(await this.#files.read(file), deflated === true);
    throw new Error('a version has lost its bytes');
  }
}
