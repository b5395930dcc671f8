/** Descriptions of concepts: hundreds of thousands of them as bytes, which burden nobody until they are read. https://hl7.org/fhir/R4/snomedct.html */
import { type Lists, listOf, Numbers, placesOf } from '../../store/numbers.ts';

/** What a text is to its concept. */
export const kinds = ['fullySpecified', 'preferred', 'synonym', 'definition'] as const;
export type Kind = (typeof kinds)[number];

/** The longest that one character of a text is in bytes. */
const widest = 3;

/** Texts of concepts, which have numbers. */
export class SnomedTexts {
  #bytes = Buffer.allocUnsafe(1024 * 1024);
  readonly #concepts = new Numbers();
  readonly #kinds = new Numbers();
  /** Where each begins; the next one's beginning is its end. */
  readonly #starts = new Numbers();
  #end = 0;
  #places: Lists | undefined;

  add(concept: number, kind: Kind, text: string): void {
    this.#reserve(text.length * widest);
    this.#concepts.push(concept);
    this.#kinds.push(kinds.indexOf(kind));
    this.#starts.push(this.#end);
    this.#end += this.#bytes.write(text, this.#end);
    this.#places = undefined;
  }

  /** The texts of a concept, in the order in which they were added. `count`: more than any concept's number. */
  of(concept: number, count: number): readonly (readonly [kind: Kind, text: string])[] {
    this.#places ??= placesOf(this.#concepts.all, count);
    const [starts, known] = [this.#starts.all, this.#kinds.all];
    return Array.from(listOf(this.#places, concept), (place) => {
      const text = this.#bytes.toString('utf8', starts[place], starts[place + 1] ?? this.#end);
      return [kinds[known[place] ?? 0] ?? 'synonym', text] as const;
    });
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#end + more, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }
}
