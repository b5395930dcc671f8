/**
 * Validation with the definitions that count now, whichever process has stored them.
 * https://hl7.org/fhir/R4/conformance-module.html
 */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import type { Issue } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import type { Store } from '../store/port.ts';
import type { Note, Write } from '../store/write.ts';
import { definitionFault } from '../validation/profile/checks.ts';
import { type ValidationRequest, type ValidationSource, Validator } from '../validation/validator.ts';
import { canonicalTypes } from './canonical.ts';

/** Under this key a shared store keeps a text that is another one after each commit of definitions. */
const generationKey = 'conformance/generation';

/** The greatest instant that FHIR can write: what is kept until then isn't removed. */
const always = Date.UTC(9999, 0, 1);

export class Conformance {
  readonly #store: Store;
  readonly #definitions: Definitions;
  readonly #source: ValidationSource & { readonly forget: () => void };
  readonly #validator: Validator;
  #generation = 0;
  /** What was kept when it was last looked at. */
  #kept: string | undefined;
  /** The revisions of loaded code systems then. */
  #loaded = '';
  #looking: Promise<void> = Promise.resolve();
  /** A look that has not begun. */
  #waiting: Promise<void> | undefined;

  /** `source`: `forget` lets go of definitions that were looked up. */
  constructor(store: Store, definitions: Definitions, source: ValidationSource & { readonly forget: () => void }) {
    this.#store = store;
    this.#definitions = definitions;
    this.#source = source;
    this.#validator = new Validator(definitions, source);
  }

  /** Another number whenever definitions have changed, as far as this process knows. */
  get generation(): number {
    return this.#generation;
  }

  /** As `Validator.validate`. `refresh` comes before, once for what is asked together. */
  validate(request: ValidationRequest): Promise<readonly Issue[]> {
    return this.#validator.validate(request);
  }

  /** Why a StructureDefinition can't be used; undefined: it can. `budget`: milliseconds, what is left of the `whole`. */
  fault(definition: JsonObject, budget: number, whole: number): Promise<string | undefined> {
    return definitionFault(definition, budget, this.#definitions, this.#source, whole);
  }

  /** Resolves when all that other processes had stored before counts. */
  refresh(): Promise<void> {
    if (this.#store.shared === undefined) return this.#looking;
    if (this.#waiting === undefined) {
      // A look that has begun may have been too early for who comes now.
      const look = this.#looking
        .catch(() => undefined)
        .then(() => {
          this.#waiting = undefined;
          return this.#look();
        });
      this.#waiting = look;
      this.#looking = look;
    }
    return this.#waiting;
  }

  /** What a commit of these writes has to keep, so that other processes hear of them. */
  notesOf(writes: readonly Write[], newId: () => string): readonly Note[] {
    if (this.#store.shared === undefined || !defines(writes)) return [];
    return [{ key: generationKey, text: newId(), until: always }];
  }

  /** Tells all processes that definitions, or loaded code systems, are others than before, where no commit of these writes did. */
  async announce(newId: () => string): Promise<void> {
    if (this.#store.shared !== undefined) await this.#store.keep(generationKey, newId(), always);
    this.renew();
  }

  /** To be told of each commit. */
  committed(writes: readonly Write[]): void {
    if (defines(writes)) this.renew();
  }

  /** What was known of definitions is looked up again when it is needed. */
  renew(): void {
    this.#generation += 1;
    this.#source.forget();
    this.#validator.renew();
  }

  async #look(): Promise<void> {
    const [kept, systems] = await Promise.all([this.#store.kept(generationKey), this.#store.terminology.systems()]);
    // The list of systems may be older than the announcement that one was loaded.
    const loaded = systems.map(({ revision }) => revision).join(' ');
    if (kept === this.#kept && loaded === this.#loaded) return;
    [this.#kept, this.#loaded] = [kept, loaded];
    this.renew();
  }
}

function defines(writes: readonly Write[]): boolean {
  return writes.some(({ type }) => canonicalTypes.has(type));
}
