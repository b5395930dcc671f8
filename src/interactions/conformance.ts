/**
 * Validation with the definitions that count now, whichever process has stored them.
 * https://hl7.org/fhir/R4/conformance-module.html
 */
import type { Issue } from '../fhir/outcome.ts';
import type { Store } from '../store/port.ts';
import type { Note, Write } from '../store/write.ts';
import type { ValidationRequest, Validator } from '../validation/validator.ts';
import { canonicalTypes } from './canonical.ts';

/** Under this key a shared store keeps a text that is another one after each commit of definitions. */
const generationKey = 'conformance/generation';

export class Conformance {
  readonly #store: Store;
  readonly #validator: Validator;
  readonly #forget: () => void;
  #generation = 0;
  /** What was kept when it was last looked at. */
  #kept: string | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** A look that has not begun. */
  #waiting: Promise<void> | undefined;

  /** `forget`: lets go of definitions that were looked up for the validator. */
  constructor(store: Store, validator: Validator, forget: () => void) {
    this.#store = store;
    this.#validator = validator;
    this.#forget = forget;
  }

  /** Another number whenever definitions have changed, as far as this process knows. */
  get generation(): number {
    return this.#generation;
  }

  /** As `Validator.validate`. `refresh` comes before, once for what is asked together. */
  validate(request: ValidationRequest): Promise<readonly Issue[]> {
    return this.#validator.validate(request);
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
    return [{ key: generationKey, text: newId(), until: Number.MAX_SAFE_INTEGER }];
  }

  /** To be told of each commit. */
  committed(writes: readonly Write[]): void {
    if (defines(writes)) this.renew();
  }

  /** What was known of definitions is looked up again when it is needed. */
  renew(): void {
    this.#generation += 1;
    this.#forget();
    this.#validator.renew();
  }

  async #look(): Promise<void> {
    const kept = await this.#store.kept(generationKey);
    if (kept === this.#kept) return;
    this.#kept = kept;
    this.renew();
  }
}

function defines(writes: readonly Write[]): boolean {
  return writes.some(({ type }) => canonicalTypes.has(type));
}
