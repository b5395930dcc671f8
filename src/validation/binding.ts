/** Whether codes are in the value sets that elements are bound to. https://hl7.org/fhir/R4/terminologies.html#strength */
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { CodeSet, Known } from './validator.ts';
import type { Walk } from './walk.ts';

/** Asks for what can't be said at once. */
type Ask = () => Promise<Known>;
type Answer = Known | Ask;

/** The codes of a value set, found when they are first needed. */
export class BoundCodes {
  readonly valueSet: string;
  readonly #find: (valueSet: string) => Promise<CodeSet | undefined>;
  #found: { readonly set: CodeSet | undefined } | undefined;
  #finding: Promise<CodeSet | undefined> | undefined;
  /** Whether the store has to be asked for codes: then each is when it's its turn. */
  #stored = false;

  constructor(valueSet: string, find: (valueSet: string) => Promise<CodeSet | undefined>) {
    this.valueSet = valueSet;
    this.#find = find;
  }

  /** `system` undefined: a code alone, which any of the set's systems may have. */
  has(system: string | undefined, code: string, version?: string): Answer {
    if (this.#found === undefined) return async () => (await this.#look())?.has(system, code, version);
    const { set } = this.#found;
    if (this.#stored) return async () => set?.has(system, code, version);
    const known = set?.has(system, code, version);
    if (!(known instanceof Promise)) return known;
    this.#stored = true;
    // Where the time is over before it is its turn, nobody waits for it.
    known.catch(() => undefined);
    return () => known;
  }

  /** The set may have changed. */
  forget(): void {
    this.#found = undefined;
    this.#finding = undefined;
    this.#stored = false;
  }

  #look(): Promise<CodeSet | undefined> {
    if (this.#finding !== undefined) return this.#finding;
    const finding = this.#find(this.valueSet);
    this.#finding = finding;
    finding.then(
      (set) => {
        if (this.#finding === finding) this.#found = { set };
      },
      // The next one that needs the codes tries again; this one hears of it.
      () => {
        if (this.#finding === finding) this.#finding = undefined;
      },
    );
    return finding;
  }
}

/** A binding whose strength has a consequence. */
export interface Bound {
  readonly strength: 'required' | 'extensible';
  readonly codes: BoundCodes;
}

/** The check of a value of a type: `code` and other primitives, Coding, CodeableConcept, Quantity. */
export function bindingCheck(type: string, bound: Bound): (value: JsonValue, walk: Walk) => void {
  switch (type) {
    case 'Coding':
    case 'Quantity':
      return (value, walk) => {
        if (isObject(value) && typeof value.code === 'string') say(ofCoding(value, bound), bound, walk);
      };
    case 'CodeableConcept':
      return (value, walk) => {
        if (isObject(value)) checkConcept(value, bound, walk);
      };
    default:
      return (value, walk) => {
        if (typeof value !== 'string') return;
        // A uri beyond an extensible set has a scheme that says whose it is.
        if (bound.strength === 'extensible' && value.includes(':')) return;
        say(bound.codes.has(undefined, value), bound, walk);
      };
  }
}

function ofCoding({ system, code, version }: JsonObject, { codes }: Bound): Answer {
  if (typeof code !== 'string') return false;
  // R4: "If the system is not specified, the code's meaning is undefined": it is none of the set's.
  return codes.has(typeof system === 'string' ? system : '', code, typeof version === 'string' ? version : undefined);
}

function checkConcept(concept: JsonObject, bound: Bound, walk: Walk): void {
  const codings = isArray(concept.coding) ? concept.coding : [];
  const asks: Ask[] = [];
  let unknown = false;
  let coded = false;
  for (const coding of codings) {
    if (!isObject(coding) || typeof coding.code !== 'string') continue;
    coded = true;
    walk.budget.spend(10);
    const known = ofCoding(coding, bound);
    if (known === true) return;
    if (known === undefined) unknown = true;
    else if (known !== false) asks.push(known);
  }
  if (!coded) {
    // R4: "or text" may stand for a code of an extensible set; an extension may say why there is none.
    if (bound.strength === 'required' && concept.extension === undefined) say(false, bound, walk);
  } else if (asks.length === 0) say(unknown ? undefined : false, bound, walk);
  else say(() => any(asks, unknown, walk), bound, walk);
}

async function any(asks: readonly Ask[], unknown: boolean, { budget }: Walk): Promise<Known> {
  let open = unknown;
  for (const ask of asks) {
    budget.look();
    const known = await ask();
    if (known === true) return true;
    open ||= known === undefined;
  }
  return open ? undefined : false;
}

function say(answer: Answer, bound: Bound, walk: Walk): void {
  if (answer === true) return;
  if (typeof answer === 'function')
    walk.later(answer, (known, path) => known !== true && issue(known, bound, walk, path));
  else issue(answer, bound, walk, walk.place.path());
}

function issue(known: false | undefined, { strength, codes }: Bound, walk: Walk, path: string): void {
  const set = codes.valueSet;
  if (known === undefined) {
    if (strength === 'extensible') return;
    walk.information(
      'not-supported',
      'binding',
      `couldn't be compared with the value set ${set}: its codes aren't here`,
      path,
    );
  } else if (strength === 'required') {
    walk.error('code-invalid', 'binding', `must be a code of the value set ${set}`, path);
  } else {
    walk.warning('code-invalid', 'binding', `should be a code of the value set ${set} if one of them fits`, path);
  }
}
