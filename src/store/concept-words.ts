/** The words by which concepts of loaded code systems are found. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import { foldToken } from '../search/normalise.ts';
import { wordsIn } from '../search/words.ts';
import type { LoadedConcept } from './terminology.ts';

const separators = /[^\p{L}\p{N}\p{M}]/gu;

/** The words of a concept's code, display and designations, each once; a code of several words is one without what separates them too. */
export function wordsOfConcept({ code, display, designations = [] }: LoadedConcept): readonly string[] {
  const ofCode = wordsIn(code);
  const all = new Set(ofCode);
  if (ofCode.length > 1) all.add(foldToken(code.replace(separators, '')));
  for (const word of wordsIn(display)) all.add(word);
  for (const { value } of designations) for (const word of wordsIn(value)) all.add(word);
  return [...all];
}
