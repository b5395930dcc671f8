/** The `filter` of an expansion: words that begin words of a concept. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import type { ConceptDetail } from './concepts.ts';

/** The words of a text, in the form in which they are compared. */
export type WordsOf = (text: string) => readonly string[];

/** Whether each of the words begins a word of the code, the display or a designation. */
export function matchesWords(
  { code, display, designations = [] }: Pick<ConceptDetail, 'code' | 'display' | 'designations'>,
  wanted: readonly string[],
  wordsOf: WordsOf,
): boolean {
  if (wanted.length === 0) return true;
  const words = [code, display, ...designations.map(({ value }) => value)].flatMap((each) => wordsOf(each));
  return wanted.every((start) => words.some((word) => word.startsWith(start)));
}
