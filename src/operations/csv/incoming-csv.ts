/** The file of a request: its body, or a part of a form. https://www.rfc-editor.org/rfc/rfc7578 */
import { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { parseMediaType } from '../../fhir/media-type.ts';
import { failure, OutcomeError } from '../../fhir/outcome.ts';
import type { Call } from '../../interactions/context.ts';

/**
 * The bytes of the file that a call brings. Throws 400 in bundles, 415 for other content than CSV in UTF-8 and forms; the iterator
 * throws 400 for a form without a file.
 */
export function fileOf({ stream }: Call): AsyncIterable<Uint8Array> {
  if (stream === undefined)
    throw failure(400, 'not-supported', '$csv-import is a request of its own; a bundle has no CSV.');
  const { essence, parameters } = parseMediaType(stream.contentType);
  if (essence === 'multipart/form-data') return fileInForm(stream.chunks, stream.contentType);
  const charset = parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  if (essence !== 'text/csv' || (charset !== 'utf-8' && charset !== 'utf8')) {
    throw failure(415, 'not-supported', 'Send the file as text/csv in UTF-8, or as multipart/form-data with a file.');
  }
  return stream.chunks;
}

async function* fileInForm(chunks: AsyncIterable<Uint8Array>, contentType: string): AsyncGenerator<Uint8Array> {
  const form = formOf(contentType);
  const source = Readable.from(chunks);
  try {
    const file = await new Promise<Readable | undefined>((resolve, reject) => {
      let found = false;
      form.on('file', (_name, stream) => {
        // The first file is the one; a parser waits until others are read.
        if (found) stream.resume();
        else resolve(stream);
        found = true;
      });
      form.once('finish', () => resolve(undefined));
      form.once('error', () => reject(broken()));
      source.once('error', reject);
      source.pipe(form);
    });
    if (file === undefined) throw failure(400, 'required', 'The form has no part with a file.');
    form.once('error', () => file.destroy(broken()));
    source.once('error', (error) => file.destroy(error));
    for await (const chunk of file) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    throw source.errored === null && !(error instanceof OutcomeError) ? broken() : error;
  } finally {
    source.unpipe(form);
    source.destroy();
  }
}

const broken = () =>
  failure(400, 'structure', 'The form can’t be read: it ends too early, or its boundary is not in Content-Type.');

function formOf(contentType: string) {
  try {
    return new Busboy({ headers: { 'content-type': contentType } });
  } catch {
    throw broken();
  }
}
