/** What an import came to: counts, and what is wrong with which cell. https://hl7.org/fhir/R4/parameters.html */
import type { JsonObject } from '../../fhir/resource.ts';
import { writeCsv } from '../../tabular/csv.ts';
import { neutralised } from '../../tabular/formula.ts';

/** Faults that the answer in JSON has; in CSV it has all. */
const mostInJson = 1000;
/** Faults that are written together; as many are kept back, since a line that can't be read is told before the rows in work. */
const faultsAtOnce = 1000;

export interface ReportedFault {
  readonly line: number;
  /** '' where the row as a whole is meant. */
  readonly column: string;
  readonly reason: string;
}

export interface ImportCounts {
  readonly rows: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: number;
  readonly faulty: number;
  /** Resources that were written. */
  readonly resources: number;
}

/** Gathers what becomes of rows. */
export class ImportReport {
  readonly #asCsv: boolean;
  readonly #faults: ReportedFault[] = [];
  readonly #written: Buffer[] = [];
  readonly #counts = { rows: 0, created: 0, updated: 0, unchanged: 0, skipped: 0, faulty: 0, resources: 0 };
  #told = 0;

  /** `asCsv`: all faults are kept, as text. */
  constructor(asCsv: boolean) {
    this.#asCsv = asCsv;
  }

  get counts(): ImportCounts {
    return this.#counts;
  }

  row(outcome: 'created' | 'updated' | 'unchanged' | 'skipped' | 'faulty'): void {
    this.#counts.rows += 1;
    this.#counts[outcome] += 1;
  }

  wrote(resources: number): void {
    this.#counts.resources += resources;
  }

  fault(fault: ReportedFault): void {
    this.#told += 1;
    if (!this.#asCsv && this.#faults.length >= mostInJson) return;
    this.#faults.push(fault);
    if (this.#asCsv && this.#faults.length >= 2 * faultsAtOnce) this.#write(faultsAtOnce);
  }

  /** Line, column and reason of each fault. */
  csv(): Uint8Array {
    this.#write(this.#faults.length);
    return Buffer.concat([Buffer.from(writeCsv([['line', 'column', 'reason']])), ...this.#written]);
  }

  /** Writes the first ones by line. */
  #write(count: number): void {
    if (count === 0) return;
    this.#faults.sort((a, b) => a.line - b.line);
    const rows = this.#faults
      .splice(0, count)
      .map(({ line, column, reason }) => [String(line), column, neutralised(reason)]);
    this.#written.push(Buffer.from(writeCsv(rows)));
  }

  /** Parameters with the counts and the first faults. */
  parameters(): JsonObject {
    const counts = Object.entries(this.#counts).map(([name, valueInteger]) => ({ name, valueInteger }));
    const faults = this.#faults
      .toSorted((a, b) => a.line - b.line)
      .map(({ line, column, reason }) => ({
        name: 'fault',
        part: [
          { name: 'line', valueInteger: line },
          ...(column === '' ? [] : [{ name: 'column', valueString: column }]),
          { name: 'reason', valueString: reason },
        ],
      }));
    const left = this.#told - this.#faults.length;
    const more = left === 0 ? [] : [{ name: 'faultsLeftOut', valueInteger: left }];
    return { resourceType: 'Parameters', parameter: [...counts, ...faults, ...more] };
  }
}
