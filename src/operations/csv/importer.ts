/** Imports rows in transactions of some hundred, each row by itself. https://hl7.org/fhir/R4/http.html#transaction */
import { patientOf } from '../../fhir/definitions/patient.ts';
import { OutcomeError } from '../../fhir/outcome.ts';
import { commitPlan, type Plan } from '../../interactions/commit.ts';
import type { Call, Context, Noted } from '../../interactions/context.ts';
import { requiredReferences, unreferencedAfter } from '../../interactions/integrity.ts';
import { putOf } from '../../interactions/prepare.ts';
import { Validations } from '../../interactions/validate.ts';
import { makePace } from '../../store/pace.ts';
import type { ResourceKey, Write } from '../../store/write.ts';
import type { Named, Resolve } from '../../tabular/cell.ts';
import type { Template } from '../../tabular/template.ts';
import { FaultyRow, type PlannedRow, type RowOutcome, RowPlanner } from './plan-row.ts';
import {
  contentDigest,
  type FileRow,
  type ReadRow,
  type RowReader,
  referencesIn,
  rowKey,
  rowReader,
  wantedBy,
} from './read-rows.ts';
import type { ImportReport } from './report.ts';
import { ChunkState, isShared, nameOf, type Planned } from './state.ts';
import type { NamedTemplate } from './template-source.ts';

/** Rows of one transaction at most, how many cells with a value they may have, and how many characters in these. */
const mostRows = 200;
const mostCells = 10_000;
const mostCharacters = 1 << 20;
/** Chunks in work at a time, so that one is planned while another one is committed. */
const chunksAtOnce = 2;
/** How many chunks of so many cells, characters or writes there may be: small ones are stored together, which writes fewer pages. */
const fullAtOnce = 2;
const fullWrites = 700;
/** Chunks with hardly anything in them count too. */
const mostSmall = 5;

export interface ImportOptions {
  /** Nothing is written. */
  readonly validateOnly: boolean;
  /** Rows whose key is there already are reported and left. */
  readonly skipDuplicates: boolean;
}

/** What a row came to in a plan. */
type Settled = { readonly row: ReadRow; readonly outcome: RowOutcome | 'skipped' | FaultyRow };

/** Rows of one transaction. */
interface Chunk {
  readonly rows: FileRow[];
  /** Cells that have a value. */
  cells: number;
  characters: number;
  /** Known once it is planned. */
  writes: number;
}

const newChunk = (): Chunk => ({ rows: [], cells: 0, characters: 0, writes: 0 });

/** One import: takes rows with `add`, which says when there is room for more, and ends with `finish`. */
export class CsvImporter {
  readonly #context: Context;
  readonly #call: Call;
  readonly #template: Template;
  readonly #plain: boolean;
  readonly #options: ImportOptions;
  readonly #report: ImportReport;
  readonly #readRow: RowReader;
  /** Lines of the rows so far, by key. */
  readonly #lines = new Map<string, number>();
  /** The first row that had a shared resource, and its content there. */
  readonly #shared = new Map<string, { readonly line: number; readonly content: string }>();
  readonly #inWork = new Map<Chunk, Promise<void>>();
  #chunk = newChunk();
  #begun = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    context: Context,
    call: Call,
    { template, plain }: NamedTemplate,
    options: ImportOptions,
    report: ImportReport,
  ) {
    this.#context = context;
    this.#call = call;
    this.#template = template;
    this.#plain = plain;
    this.#options = options;
    this.#report = report;
    this.#readRow = rowReader(template);
  }

  /** Whether rows have been handed to the store. */
  get begun(): boolean {
    return this.#begun;
  }

  /** What has to be waited for before the next row; rejects with what went wrong with the store. */
  add(row: FileRow): Promise<void> | undefined {
    const chunk = this.#chunk;
    chunk.rows.push(row);
    for (const cell of row.cells) {
      if (cell === undefined || cell === '') continue;
      chunk.cells += 1;
      chunk.characters += cell.length;
    }
    const isFull = chunk.rows.length >= mostRows || chunk.cells >= mostCells || chunk.characters >= mostCharacters;
    return isFull ? this.#start() : undefined;
  }

  /** Resolves when all rows are done. Rejects as `add` does. */
  async finish(): Promise<void> {
    if (this.#chunk.rows.length > 0) await this.#start();
    await Promise.all(this.#inWork.values());
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Resolves when the chunk is planned and there is room for another one. */
  async #start(): Promise<void> {
    const chunk = this.#chunk;
    this.#chunk = newChunk();
    this.#begun = true;
    while (this.#isBusy()) await Promise.race(this.#inWork.values());
    this.#throwFailure();
    await new Promise<void>((planned) => {
      const work = this.#import(chunk, planned)
        .catch((error: unknown) => {
          this.#failure ??= { error };
        })
        .finally(() => {
          this.#inWork.delete(chunk);
          planned();
        });
      this.#inWork.set(chunk, work);
    });
  }

  /** Whether there is enough in work. */
  #isBusy(): boolean {
    if (this.#inWork.size < chunksAtOnce) return false;
    let full = 0;
    for (const { cells, characters, writes } of this.#inWork.keys()) {
      full += Math.max(1 / mostSmall, cells / mostCells, characters / mostCharacters, writes / fullWrites);
    }
    return full >= fullAtOnce;
  }

  async #import(chunk: Chunk, onPlanned: () => void): Promise<void> {
    const read = await this.#read(chunk.rows);
    const context: Context = { ...this.#context, bulk: true, onPlanned };
    try {
      await this.#settle(context, read, chunk);
    } catch (error) {
      if (!(error instanceof OutcomeError) || error.status >= 500) throw error;
      // One row keeps the others from being stored: each by itself.
      for (const row of read) {
        try {
          await this.#settle(context, [row], chunk);
        } catch (again) {
          if (!(again instanceof OutcomeError) || again.status >= 500) throw again;
          this.#tell({
            row,
            outcome: new FaultyRow(again.issues.map(({ diagnostics }) => ({ column: '', reason: diagnostics }))),
          });
        }
      }
    }
  }

  /** The rows as elements; faulty ones, and those whose key came before, are told and left out. */
  async #read(rows: readonly FileRow[]): Promise<readonly ReadRow[]> {
    const references = referencesIn(rows, this.#template);
    const resolve = await this.#resolver(references);
    const pace = makePace();
    const good: ReadRow[] = [];
    for (const each of rows) {
      const row = this.#readRow(each, resolve);
      const key = rowKey(row, this.#template);
      const before = key === undefined ? undefined : this.#lines.get(key);
      if (key !== undefined && before === undefined) this.#lines.set(key, row.line);
      if (before !== undefined) {
        const column = this.#template.key.at(-1)?.name ?? '';
        this.#tell({
          row,
          outcome: new FaultyRow([{ column, reason: `has the key of line ${before}: a row's key is in a file once` }]),
        });
      } else if (row.faults.length > 0) {
        this.#tell({ row, outcome: new FaultyRow(row.faults) });
      } else {
        good.push(row);
      }
      const pause = pace();
      if (pause !== undefined) await pause;
    }
    return good;
  }

  async #resolver(references: readonly Named[]): Promise<Resolve> {
    const wanted = { keys: new Map(), references };
    const state =
      references.length === 0 ? undefined : await ChunkState.load(this.#context, this.#template, wanted, false);
    return ({ types, system, value }) => {
      const found = types.flatMap((type) => state?.named(type, { system, value }) ?? []);
      const [only] = found;
      if (found.length > 1) return { fault: 'names several resources; an identifier must be that of one' };
      if (only === undefined) return { fault: `names no ${types.join(' or ')} that is here` };
      return { reference: nameOf(only.held.type, only.held.id) };
    };
  }

  async #settle(context: Context, rows: readonly ReadRow[], chunk: Chunk): Promise<void> {
    if (rows.length === 0) return;
    let attempts = 0;
    const plan = async () => {
      attempts += 1;
      const made = await this.#plan(context, rows, attempts > 1);
      chunk.writes = made.writes.length;
      return made;
    };
    const settled = this.#options.validateOnly ? (await plan()).answer([]) : await commitPlan(context, plan);
    for (const each of settled.rows) this.#tell(each);
    this.#report.wrote(settled.written);
  }

  async #plan(
    context: Context,
    rows: readonly ReadRow[],
    again: boolean,
  ): Promise<Plan<{ rows: readonly Settled[]; written: number }>> {
    const state = await ChunkState.load(context, this.#template, wantedBy(rows, []), again);
    const planner = new RowPlanner(context, this.#template, this.#plain, state, new Validations(context));
    const pace = makePace();
    const settled: Settled[] = [];
    for (const row of rows) {
      settled.push({ row, outcome: await this.#planRow(planner, state, row) });
      const pause = pace();
      if (pause !== undefined) await pause;
    }
    const changes = [...state.changes].filter(({ prepared, tree }) => prepared !== undefined || tree === undefined);
    const deleted = changes.filter(({ tree }) => tree === undefined).map(({ held }): ResourceKey => held);
    return {
      writes: changes.map((change) => writeOf(context, change)),
      conditions: state.conditions,
      mustExist: changes.flatMap(({ prepared }) =>
        prepared === undefined ? [] : requiredReferences(context, prepared.resource),
      ),
      mustBeUnreferenced: unreferencedAfter(context, deleted),
      noted: changes.map((change) => this.#noted(change)),
      answer: (written) => ({
        rows: settled,
        written: written.filter(({ outcome }) => outcome !== 'unchanged').length,
      }),
    };
  }

  async #planRow(planner: RowPlanner, state: ChunkState, row: ReadRow): Promise<Settled['outcome']> {
    try {
      const shared = this.#checkShared(row);
      const planned: PlannedRow = await planner.plan(row);
      if (planned.outcome === 'updated' && this.#options.skipDuplicates) return 'skipped';
      state.take(planned.changes);
      for (const [name, content] of shared) {
        if (!this.#shared.has(name)) this.#shared.set(name, { line: row.line, content });
      }
      return planned.outcome;
    } catch (error) {
      if (error instanceof FaultyRow) return error;
      throw error;
    }
  }

  /** What two rows share must be the same in both: else the file could not be imported twice. Gives what the row shares. */
  #checkShared(row: ReadRow): readonly (readonly [name: string, content: string])[] {
    const shared: (readonly [string, string])[] = [];
    for (const { read, key } of row.parts) {
      if (key === undefined || !isShared(read.part)) continue;
      const name = `${read.part.index} ${key.system}|${key.value}`;
      const content = contentDigest(read.part, row.cells);
      const before = this.#shared.get(name);
      shared.push([name, content]);
      if (before === undefined || before.line === row.line || before.content === content) continue;
      const reason = `has other columns of the ${read.part.name} than line ${before.line}, which is about the same one`;
      throw new FaultyRow([{ column: read.part.key.at(-1)?.name ?? '', reason }]);
    }
    return shared;
  }

  #tell({ row, outcome }: Settled): void {
    if (outcome instanceof FaultyRow) {
      this.#report.row('faulty');
      for (const { column, reason } of outcome.faults) this.#report.fault({ line: row.line, column, reason });
      return;
    }
    this.#report.row(outcome);
    if (outcome !== 'skipped') return;
    const column = this.#template.key.at(-1)?.name ?? '';
    this.#report.fault({
      line: row.line,
      column,
      reason: 'is there already with other content: the row was left (skipDuplicates)',
    });
  }

  #noted({ held, prepared }: Planned): Noted {
    const { type, id, tree } = held;
    const patient = prepared === undefined ? '' : patientOf(prepared.resource, id);
    const interaction = prepared === undefined ? 'delete' : tree === undefined ? 'create' : 'update';
    const method = { create: 'POST', update: 'PUT', delete: 'DELETE' }[interaction];
    const { origin, prefer } = this.#call;
    const call: Call = { interaction, type, id, method, parameters: [], query: '', prefer, origin };
    return { call, status: { create: 201, update: 200, delete: 204 }[interaction], type, id, patient };
  }
}

function writeOf(context: Context, { held, prepared }: Planned): Write {
  const { type, id, versionId } = held;
  const precondition = { computedFrom: versionId };
  if (prepared === undefined) return { kind: 'delete', type, id, precondition };
  return putOf(context, prepared, id, held.tree === undefined ? 'POST' : 'PUT', precondition);
}
