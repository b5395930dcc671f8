/** The numbers of search parameters, one for each version of a definition. https://hl7.org/fhir/R4/searchparameter.html */
import type { Database } from './open.ts';
import type { ParameterNumbers } from './pack.ts';

/** A search parameter as the store was opened with it. */
export interface ParameterDefinition {
  /** The searched type, e.g. `Patient`. */
  readonly type: string;
  readonly code: string;
  /** A text that changes whenever what is extracted changes. */
  readonly definition: string;
}

/** The numbers of the current parameters. */
export function currentParameters(db: Database): ParameterNumbers {
  const rows = db
    .prepare<[string, string, number]>(
      `SELECT type.name, parameter.code, parameter.num FROM parameter JOIN type ON type.num = parameter.type
        WHERE parameter.state = 'current'`,
    )
    .all();
  const numbers = new Map<string, Map<string, number>>();
  for (const [type, code, number] of rows) {
    const ofType = numbers.get(type) ?? new Map<string, number>();
    numbers.set(type, ofType.set(code, number));
  }
  return numbers;
}
