/** Value sets that are asked whether they have a code, kept while what they are made of is the same. https://hl7.org/fhir/R4/terminologies.html#strength */
import type { Store } from '../store/port.ts';
import { type Membership, membershipOf } from '../terminology/membership.ts';
import { shorten } from '../terminology/shorten.ts';
import { Work } from '../terminology/work.ts';
import type { CodeSet, Known } from '../validation/validator.ts';
import type { Context } from './context.ts';
import type { Ingredient } from './kept-codes.ts';
import { TermLookup } from './term-source.ts';

/** How many are kept. */
const mostKept = 500;

interface Made {
  readonly membership: Membership | undefined;
  readonly of: readonly Ingredient[];
}

const kept = new WeakMap<Store, Map<string, Made>>();

/**
 * The codes of a value set, for a binding; undefined where there is none of that canonical. Of a code system that isn't here
 * nothing is known. Sets of systems in memory answer at once, those of loaded systems when the store has.
 * Throws 400 `too-costly` for a value set that takes too much work.
 */
export async function codeSetOf(context: Context, canonical: string): Promise<CodeSet | undefined> {
  const membership = await keptMembership(context, canonical);
  if (membership === undefined) return undefined;
  return {
    has: (system, code, version) =>
      system === undefined ? inAny(membership, code) : membership.has(system, code, version),
  };
}

/** The value set of a canonical; undefined where there is none. Throws as `codeSetOf` does. */
export async function keptMembership(
  context: Context,
  canonical: string,
  lookup = new TermLookup(context),
): Promise<Membership | undefined> {
  const all = kept.get(context.store) ?? new Map<string, Made>();
  kept.set(context.store, all);
  const known = all.get(canonical);
  all.delete(canonical);
  const made = known !== undefined && (await isStill(known, lookup)) ? known : await make(canonical, lookup);
  all.set(canonical, made);
  for (const [oldest] of all) {
    if (all.size <= mostKept) break;
    all.delete(oldest);
  }
  return made.membership;
}

async function isStill({ of }: Made, lookup: TermLookup): Promise<boolean> {
  const now = await Promise.all(of.map((each) => lookup.now(each)));
  return of.every((each, index) => each.found === now[index]);
}

async function make(canonical: string, lookup: TermLookup): Promise<Made> {
  const used = new Map<string, Ingredient>();
  const work = new Work(`the value set ${shorten(canonical)}`);
  const membership = await membershipOf(canonical, lookup.source(used), work);
  return { membership, of: [...used.values()] };
}

/** Whether any of the set's systems has a code. */
function inAny(membership: Membership, code: string): Known | Promise<Known> {
  // Without a system only a set that isn't here says that it can't be told.
  const answers = [...membership.systems, ''].map((system) => membership.has(system, code));
  if (answers.every((each) => !(each instanceof Promise))) {
    return either(answers.map((each) => (each instanceof Promise ? undefined : each)));
  }
  return Promise.all(answers).then(either);
}

function either(answers: readonly Known[]): Known {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}
