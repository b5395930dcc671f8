/**
 * Codes that searches asked value sets and code systems for, kept for the next search while what they were made of is the
 * same. https://hl7.org/fhir/R4/valueset-operation-expand.html
 */
import type { OutcomeError } from '../fhir/outcome.ts';
import type { SystemCodes } from '../search/terms.ts';
import type { Store } from '../store/port.ts';

/** A resource that was looked up, and what was found: its very version; undefined: nothing. */
export interface Ingredient {
  readonly type: 'CodeSystem' | 'ValueSet' | 'supplement';
  readonly canonical: string;
  readonly found: string | undefined;
}

/** What a request came to, or why it was refused. */
export interface Made {
  readonly result: readonly SystemCodes[] | OutcomeError;
  readonly of: readonly Ingredient[];
}

/** How many are kept: those of two searches with as many as one may name. */
const mostKept = 100;
/** What is made of more, or asked for by a longer text, isn't kept. */
const mostIngredients = 1000;
const longestRequest = 2000;

const kept = new WeakMap<Store, Map<string, Made>>();

/** What a request came to last time; undefined where something that it was made of is another now. */
export async function keptCodes(
  store: Store,
  request: string,
  foundNow: (ingredient: Ingredient) => Promise<string | undefined>,
): Promise<Made | undefined> {
  const known = kept.get(store)?.get(request);
  for (const each of known?.of ?? []) if ((await foundNow(each)) !== each.found) return undefined;
  if (known !== undefined) keepCodes(store, request, known);
  return known;
}

/** What was asked for last is kept longest. */
export function keepCodes(store: Store, request: string, made: Made): void {
  if (made.of.length > mostIngredients || request.length > longestRequest) return;
  const all = kept.get(store) ?? new Map<string, Made>();
  kept.set(store, all);
  all.delete(request);
  all.set(request, made);
  for (const [oldest] of all) {
    if (all.size <= mostKept) break;
    all.delete(oldest);
  }
}
