/** Stores the pieces of files, several at a time, and goes on after faulty ones. https://hl7.org/fhir/R4/http.html#transaction */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { type BundleOutline, bundleTypeOf, outlineBundle, parseJson, resourceTypeOf } from '../../fhir/json.ts';
import { type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { isArray, isObject, type JsonValue } from '../../fhir/resource.ts';
import { canonicalTypes } from '../../interactions/canonical.ts';
import type { Call, Context } from '../../interactions/context.ts';
import { perform } from '../../interactions/perform.ts';
import type { Note } from '../../store/write.ts';
import type { Piece, Source } from './sources.ts';

/** What could not be stored. */
export interface Fault {
  readonly file: string;
  readonly line: number;
  /** Of a batch or collection, the entry. */
  readonly entry?: number;
  readonly status: number;
  readonly issues: readonly Issue[];
}

export interface ImportCounts {
  readonly resources: number;
  readonly faults: number;
  readonly skipped: number;
}

/** Pieces in work at a time: some are planned while others are committed, and those that are ready together go together. */
const piecesAtOnce = 128;
/** Bytes of the pieces in work at a time. */
const bytesAtOnce = 3 << 20;
/** Milliseconds for which an import can be resumed. */
const resumable = 30 * 86_400_000;

/**
 * One import: takes pieces with `add`, which resolves when there is room for more, and ends with `finish`.
 * With `resume`, pieces that an earlier import of the same file stored are left out.
 */
export class Importer {
  readonly #context: Context;
  readonly #resume: boolean;
  readonly #onFault: (fault: Fault) => void;
  readonly #inWork = new Set<Promise<void>>();
  #weight = 0;
  #resources = 0;
  #faults = 0;
  #skipped = 0;
  /** What no piece is to blame for: the import ends with it. */
  #failure: { readonly error: unknown } | undefined;

  constructor(context: Context, resume: boolean, onFault: (fault: Fault) => void) {
    this.#context = context;
    this.#resume = resume;
    this.#onFault = onFault;
  }

  get counts(): ImportCounts {
    return { resources: this.#resources, faults: this.#faults, skipped: this.#skipped };
  }

  /** Takes one piece; what goes wrong with it is told to `onFault`. Rejects with what went wrong with the store. */
  async add(source: Source, piece: Piece): Promise<void> {
    const weight = Math.max(piece.bytes.byteLength, bytesAtOnce / piecesAtOnce);
    while (this.#weight > 0 && this.#weight + weight > bytesAtOnce) await Promise.race(this.#inWork);
    this.#weight += weight;
    const before = [...this.#inWork];
    const whole = this.#defines(piece);
    // Planned one after the other, so that little is in memory of what is not yet handed to the store.
    await new Promise<void>((planned) => {
      const work = this.#store(source, piece, before, whole ? () => undefined : planned)
        .catch((error: unknown) => {
          this.#failure ??= { error };
        })
        .finally(() => {
          this.#weight -= weight;
          this.#inWork.delete(work);
          planned();
        });
      this.#inWork.add(work);
    });
    this.#throwFailure();
  }

  /** Resolves when all that was added is stored. Rejects as `add` does. */
  async finish(): Promise<ImportCounts> {
    await Promise.all(this.#inWork);
    this.#throwFailure();
    return this.counts;
  }

  /** Whether what comes after a piece may be checked with definitions in it, so that it has to be stored first. */
  #defines({ bytes }: Piece): boolean {
    if (this.#context.settings.validation === 'off') return false;
    const { buffer, byteOffset, byteLength } = bytes;
    const text = Buffer.from(buffer, byteOffset, byteLength);
    return [...canonicalTypes].some((type) => text.includes(`"${type}"`));
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #store(source: Source, piece: Piece, before: readonly Promise<void>[], onPlanned: () => void): Promise<void> {
    const key = pieceKey(source, piece);
    if (this.#resume && (await this.#context.store.kept(key)) !== undefined) {
      this.#skipped += 1;
      return;
    }
    const note = { key, text: 'stored', until: this.#context.clock() + resumable };
    try {
      await this.#attempt(note, source, piece, onPlanned);
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      // What it refers to may be in an earlier piece that was still in work.
      if (before.length === 0 || !mayResolve(error)) return this.#fault(source, piece, error);
      await Promise.all(before);
      try {
        await this.#attempt(note, source, piece, onPlanned);
      } catch (again) {
        if (!(again instanceof OutcomeError)) throw again;
        return this.#fault(source, piece, again);
      }
    }
  }

  /** A piece that is one commit has its note in it, so that it is never stored twice nor left out; others leave it at the end. */
  async #attempt(note: Note, source: Source, piece: Piece, onPlanned: () => void): Promise<void> {
    const context: Context = { ...this.#context, notes: [note], bulk: true, onPlanned };
    const type = resourceTypeOf(piece.bytes);
    if (type !== 'Bundle') {
      await perform(context, resourceCall(source, piece.bytes, type));
      this.#resources += 1;
      return;
    }
    // Its outline is made once, by what processes it; other kinds have theirs looked at here.
    const outline = bundleTypeOf(piece.bytes) === 'transaction' ? undefined : outlineBundle(piece.bytes);
    const kind = outline?.members.type ?? 'transaction';
    if (outline === undefined || kind === 'transaction') {
      let entries = 0;
      await perform(context, bundleCall(source, piece.bytes), (count) => {
        entries = count;
      });
      this.#resources += entries;
      return;
    }
    // Many commits, each of which is waited for: others are planned meanwhile.
    onPlanned();
    if (kind === 'batch' || kind === 'history') {
      const answer = await perform(this.#context, bundleCall(source, piece.bytes));
      this.#countBatch(source, piece, answer.body);
    } else {
      await this.#collection(source, piece, outline);
    }
    await this.#context.store.keep(note.key, note.text, note.until);
  }

  /** Each resource of a Bundle that is no batch or transaction, by itself. */
  async #collection(source: Source, piece: Piece, outline: BundleOutline): Promise<void> {
    for (const [entry, { resource }] of outline.entries.entries()) {
      if (resource === undefined) continue;
      try {
        await perform(this.#context, resourceCall(source, resource, resourceTypeOf(resource)));
        this.#resources += 1;
      } catch (error) {
        if (!(error instanceof OutcomeError)) throw error;
        this.#fault(source, piece, error, entry);
      }
    }
  }

  #countBatch(source: Source, piece: Piece, body: Uint8Array | undefined): void {
    const bundle: JsonValue = body === undefined ? null : JSON.parse(Buffer.from(body).toString('utf8'));
    const entries = isObject(bundle) && isArray(bundle.entry) ? bundle.entry : [];
    for (const [index, entry] of entries.entries()) {
      const response = isObject(entry) ? entry.response : undefined;
      const status = isObject(response) ? Number.parseInt(String(response.status), 10) : 500;
      if (status < 400) {
        this.#resources += 1;
        continue;
      }
      const outcome = isObject(response) && isObject(response.outcome) ? response.outcome.issue : undefined;
      const listed: readonly unknown[] = isArray(outcome) ? outcome : [];
      const issues = listed.filter(isIssue);
      this.#fault(source, piece, new OutcomeError(status, issues), index);
    }
  }

  #fault(source: Source, { line }: Piece, { status, issues }: OutcomeError, entry?: number): void {
    this.#faults += 1;
    const at = entry === undefined ? {} : { entry };
    this.#onFault({ file: source.path, line, ...at, status, issues });
  }
}

/** Whether a failure may be one of references to what isn't stored yet; what breaks a rule breaks it again. */
function mayResolve({ status, issues }: OutcomeError): boolean {
  return status === 412 || (status === 422 && issues.some(({ code }) => code === 'not-found'));
}

/** Outcomes within answers are this server's own. */
function isIssue(value: unknown): value is Issue {
  return typeof value === 'object' && value !== null && 'severity' in value && 'diagnostics' in value;
}

/** Under which the store remembers that a piece is stored: the file by path and size, the line. */
function pieceKey(source: Source, { line }: Piece): string {
  const file = createHash('sha256')
    .update(`${resolve(source.path)} ${source.size}`)
    .digest('base64url')
    .slice(0, 16);
  return `import/${file}/${line}`;
}

function originOf(source: Source): Call['origin'] {
  return { agent: 'command line', address: '', requestId: `import ${source.path}` };
}

function idOf(bytes: Uint8Array): string | undefined {
  const { value } = parseJson(bytes);
  return isObject(value) && typeof value.id === 'string' ? value.id : undefined;
}

/** A resource with an id replaces or makes the one of that id; one without gets a new id. */
function resourceCall(source: Source, bytes: Uint8Array, type: string | undefined): Call {
  const id = idOf(bytes);
  return {
    interaction: id === undefined ? 'create' : 'update',
    method: id === undefined ? 'POST' : 'PUT',
    ...(type === undefined ? {} : { type }),
    ...(id === undefined ? {} : { id }),
    parameters: [],
    query: '',
    body: { bytes, contentType: 'application/fhir+json' },
    prefer: { return: 'minimal', handling: undefined },
    origin: originOf(source),
  };
}

function bundleCall(source: Source, bytes: Uint8Array): Call {
  return {
    interaction: 'batch',
    method: 'POST',
    parameters: [],
    query: '',
    body: { bytes, contentType: 'application/fhir+json' },
    prefer: { return: 'minimal', handling: undefined },
    origin: originOf(source),
  };
}
