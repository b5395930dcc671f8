/** Bytes of resources that are too large for a document, in GridFS. https://hl7.org/fhir/R4/binary.html */
import { type Db, GridFSBucket, MongoError, type ObjectId } from 'mongodb';
import type { ResourceKey } from '../write.ts';
import { names } from './document.ts';

export class Files {
  readonly #bucket: GridFSBucket;

  constructor(db: Db) {
    this.#bucket = new GridFSBucket(db, { bucketName: names.files });
  }

  /** Keeps bytes of a version. They are there before the document that names them, and go again if it doesn't come. */
  async write({ type, id }: ResourceKey, bytes: Uint8Array): Promise<ObjectId> {
    const stream = this.#bucket.openUploadStream(`${type}/${id}`);
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.once('finish', () => resolve());
      stream.end(bytes);
    });
    return stream.id;
  }

  /** @throws Error where they are gone. */
  async read(file: ObjectId): Promise<Uint8Array> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#bucket.openDownloadStream(file)) {
      if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async remove(files: Iterable<ObjectId>): Promise<void> {
    for (const file of files) {
      try {
        await this.#bucket.delete(file);
      } catch (error) {
        // It is gone already.
        if (!(error instanceof MongoError && error.message.startsWith('File not found'))) throw error;
      }
    }
  }
}
