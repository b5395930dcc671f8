/** CSV as RFC 4180 has it, in UTF-8, read and written piece by piece. https://www.rfc-editor.org/rfc/rfc4180 */
import { setImmediate as turn } from 'node:timers/promises';
import { CsvError, type Parser, parse } from 'csv-parse';
import { stringify } from 'csv-stringify/sync';
import { OutcomeError } from '../fhir/outcome.ts';

/** A record and the line on which it begins, from 1. */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

/** A file that can't be read on from a line. */
export class UnreadableCsv extends Error {
  readonly line: number;
  /** What its source says is wrong, where it is not the CSV itself. */
  readonly refusal: OutcomeError | undefined;

  constructor(line: number, reason: string, refusal?: OutcomeError) {
    super(reason);
    this.line = line;
    this.refusal = refusal;
  }
}

/** Bytes that are parsed in one go. */
const pieceSize = 4096;
/** Milliseconds after which others get their turn. */
const longestTurn = 10;

/** Characters that one record may have. */
const longestRecord = 1 << 20;

/**
 * The records of a file whose cells have commas between them; a byte order mark and empty lines are left out.
 * Throws UnreadableCsv for bytes that aren't UTF-8, for quotes that don't close, and for what its source refuses.
 */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord> {
  const read: { readonly record: readonly string[]; readonly lines: number }[] = [];
  const parser = parse({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longestRecord,
    // Read as a stream, the parser would drop what it has for a later row that can't be read.
    on_record: (record: readonly string[], { lines }) => {
      read.push({ record, lines });
      return null;
    },
  });
  // It also calls back with its errors.
  parser.on('error', () => {});
  let last = 0;
  /** Lines that the parser has counted too many. */
  let ahead = 0;
  function* records(): Generator<CsvRecord> {
    for (const { record, lines } of read.splice(0)) {
      const { characters, breaks } = breaksIn(record);
      const line = lines - ahead - characters;
      ahead += characters - breaks;
      last = lines - ahead;
      yield { line, cells: record };
    }
  }
  try {
    for await (const piece of checked(chunks)) {
      await written(parser, piece);
      yield* records();
    }
    await ended(parser);
    yield* records();
  } catch (error) {
    yield* records();
    if (error instanceof NotUtf8) throw new UnreadableCsv(last + 1, error.message);
    if (error instanceof OutcomeError && error.status < 500) throw new UnreadableCsv(last + 1, error.message, error);
    if (!(error instanceof CsvError)) throw error;
    throw new UnreadableCsv(last + 1, reasonOf(error));
  } finally {
    parser.destroy();
  }
}

function written(parser: Parser, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.write(piece, (error) => (error ? reject(error) : resolve()));
  });
}

function ended(parser: Parser): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.once('error', reject);
    parser.end(() => resolve());
  });
}

class NotUtf8 extends Error {}

async function* checked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const check = (chunk?: Uint8Array) => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw new NotUtf8('the file is not UTF-8; save it as "CSV UTF-8"');
    }
  };
  let begun = performance.now();
  for await (const chunk of chunks) {
    check(chunk);
    for (let at = 0; at < chunk.length; at += pieceSize) {
      yield chunk.subarray(at, at + pieceSize);
      if (performance.now() - begun < longestTurn) continue;
      // The parser takes long for rows that have not as many cells as the first.
      await turn();
      begun = performance.now();
    }
  }
  check();
}

/** Line breaks within a record's cells: as the parser counts them, each character, and as people do. */
function breaksIn(record: readonly string[]): { readonly characters: number; readonly breaks: number } {
  let characters = 0;
  let breaks = 0;
  for (const cell of record) {
    if (!cell.includes('\n') && !cell.includes('\r')) continue;
    characters += cell.match(/[\r\n]/g)?.length ?? 0;
    breaks += cell.match(/\r\n|[\r\n]/g)?.length ?? 0;
  }
  return { characters, breaks };
}

function reasonOf({ code }: CsvError): string {
  switch (code) {
    case 'CSV_MAX_RECORD_SIZE':
      return 'a row is longer than a megabyte: is there a quote that doesn’t close?';
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote doesn’t close';
    default:
      return 'a quote stands where RFC 4180 has none: a cell with quotes, commas or line breaks is quoted as a whole, and quotes in it are doubled';
  }
}

/** Records as CSV, each with CRLF at its end. Cells with a line break of any kind are quoted: most readers end a row there. */
export function writeCsv(records: readonly (readonly string[])[]): string {
  return stringify(
    records.map((record) => [...record]),
    { record_delimiter: 'windows', quoted_match: /[\r\n]/ },
  );
}
