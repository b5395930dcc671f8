/** Descriptions of concepts: hundreds of thousands of them as bytes, which burden nobody until they are read. https://hl7.org/fhir/R4/snomedct.html */
import { type Lists, listOf, Numbers, placesOf } from '../../store/numbers.ts';

/** What a text is to its concept. */
const kinds = ['fullySpecified', 'preferred', 'synonym', 'definition'] as const;
export type Kind = (typeof kinds)[number];

/** Bytes that are reserved at once. */
const blockSize = 1024 * 1024;
/** The most bytes that a character of a text takes. */
const widest = 3;

/** Texts of concepts, which have numbers. */
export class SnomedTexts {
  readonly #blocks: Buffer[] = [];
  readonly #concepts = new Numbers();
  readonly #kinds = new Numbers();
  /** Where each lies: block, first byte, how many. */
  readonly #where = new Numbers();
  /** The block that is being filled, and how far it is. */
  #block = 0;
  #end = 0;
  #places: Lists | undefined;

  add(concept: number, kind: Kind, text: string): void {
    const block = this.#reserve(text.length * widest);
    const length = block.write(text, this.#end);
    this.#concepts.push(concept);
    this.#kinds.push(kinds.indexOf(kind));
    for (const each of [this.#block, this.#end, length]) this.#where.push(each);
    this.#end += length;
    this.#places = undefined;
  }

  /** The texts of a concept, in the order in which they were added. `count`: more than any concept's number. */
  of(concept: number, count: number): readonly (readonly [kind: Kind, text: string])[] {
    this.#places ??= placesOf(this.#concepts.all, count);
    const [where, known] = [this.#where.all, this.#kinds.all];
    return Array.from(listOf(this.#places, concept), (place) => {
      const [block = 0, start = 0, length = 0] = where.subarray(3 * place, 3 * place + 3);
      const text = this.#blocks[block]?.toString('utf8', start, start + length) ?? '';
      return [kinds[known[place] ?? 0] ?? 'synonym', text] as const;
    });
  }

  /** Forgets all texts; what they lay in is used again. */
  clear(): void {
    for (const each of [this.#concepts, this.#kinds, this.#where]) each.clear();
    [this.#block, this.#end, this.#places] = [0, 0, undefined];
  }

  /** The block that has room for so many bytes behind `#end`. */
  #reserve(bytes: number): Buffer {
    const block = this.#blocks[this.#block];
    if (block !== undefined && this.#end + bytes <= block.length) return block;
    if (block !== undefined) this.#block += 1;
    this.#end = 0;
    const known = this.#blocks[this.#block];
    if (known !== undefined && bytes <= known.length) return known;
    const made = Buffer.allocUnsafeSlow(Math.max(bytes, blockSize));
    this.#blocks[this.#block] = made;
    return made;
  }
}
