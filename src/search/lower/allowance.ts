/** What lowering one query may come to: all its parameters on all searched types. https://hl7.org/fhir/R4/search.html#errors */
import { failure } from '../../fhir/outcome.ts';

/** Parameters of one query. */
export const mostParameters = 500;
/** Looks at types: a step of a name without a type may lead to all of them. */
const mostLooks = 10_000;
/** Values that resources' values are compared with; value sets are spelled out. */
const mostValues = 200_000;
/** Values of those that can't be looked up in a list, so that each is a test of its own. */
const mostTests = 10_000;

/** Counts while a query is lowered, so that what is too much is refused before it is made. Each throws 400 then. */
export interface Allowance {
  readonly look: () => void;
  readonly values: (count: number) => void;
  readonly tests: (count: number) => void;
}

/** An allowance of which nothing is used yet. */
export function newAllowance(): Allowance {
  let looks = 0;
  let values = 0;
  let tests = 0;
  return {
    look: () => {
      looks += 1;
      if (looks <= mostLooks) return;
      const hint = 'name the types in chains (subject:Patient.name), search fewer types, or give fewer parameters';
      throw failure(400, 'too-costly', `The query's parameters lead to too many types in all: ${hint}.`);
    },
    values: (count) => {
      values += count;
      if (values <= mostValues) return;
      const hint = 'give fewer values at once, name the types in chains, or search fewer types';
      throw failure(400, 'too-costly', `The query comes to more than ${mostValues} values to compare with: ${hint}.`);
    },
    tests: (count) => {
      tests += count;
      if (tests <= mostTests) return;
      const kinds = 'dates, numbers, quantities, parts of texts, places or composites';
      throw failure(
        400,
        'too-costly',
        `The query comes to more than ${mostTests} ${kinds} to compare with on all searched types: give fewer.`,
      );
    },
  };
}

/** Throws 400 for a query with more parameters than are taken. */
export function checkNumber(parameters: readonly unknown[]): void {
  if (parameters.length <= mostParameters) return;
  const text = `A query has at most ${mostParameters} parameters; this one has ${parameters.length}: ask for less at once.`;
  throw failure(400, 'too-costly', text);
}
