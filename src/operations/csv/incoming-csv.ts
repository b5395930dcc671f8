/** The file of a request: its body, or a part of a form. https://www.rfc-editor.org/rfc/rfc7578 */
import { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { parseMediaType } from '../../fhir/media-type.ts';
import { failure, OutcomeError } from '../../fhir/outcome.ts';
import type { Call } from '../../interactions/context.ts';

/** Parameters that stand in the URL: as fields of a form they would count for nothing. */
const inUrl: ReadonlySet<string> = new Set(['profile', 'validateOnly', 'skipDuplicates']);

/**
 * The bytes of the file that a call brings. Throws 400 in bundles, 415 for other content than CSV in UTF-8 and forms; the iterator
 * throws 400 for a form without a file, with several, or with a parameter as a field.
 */
export function fileOf({ stream }: Pick<Call, 'stream'>): AsyncIterable<Uint8Array> {
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
  const begin = new Promise<Readable>((resolve) => form.once('file', (_name, stream) => resolve(stream)));
  const end = endOf(form, source);
  try {
    source.pipe(form);
    const file = await Promise.race([begin, end]);
    if (file === undefined) throw failure(400, 'required', 'The form has no part with a file.');
    end.catch((error) => file.destroy(error));
    for await (const chunk of file) if (chunk instanceof Uint8Array) yield chunk;
    // What comes after the file may still be wrong.
    await end;
  } catch (error) {
    throw source.errored === null && !(error instanceof OutcomeError) ? broken() : error;
  } finally {
    source.unpipe(form);
    source.destroy();
  }
}

/** Resolves at the end of a form, and rejects for what keeps it from being taken. */
function endOf(form: ReturnType<typeof formOf>, source: Readable): Promise<undefined> {
  let files = 0;
  const end = new Promise<undefined>((resolve, reject) => {
    form.on('file', (_name, stream) => {
      files += 1;
      // The parser tells the file in which a form breaks off, and an error that nobody hears ends the process.
      stream.on('error', () => reject(broken()));
      if (files === 1) return;
      // The parser would wait until it is read.
      stream.resume();
      reject(failure(400, 'structure', 'The form has several files; send each in a request of its own.'));
    });
    form.on('field', (name) => {
      if (inUrl.has(name)) reject(failure(400, 'structure', `${name} stands in the form; it belongs into the URL.`));
    });
    form.once('finish', () => resolve(undefined));
    form.on('error', () => reject(broken()));
    source.once('error', reject);
  });
  // It is waited for when the file has been read.
  end.catch(() => {});
  return end;
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
