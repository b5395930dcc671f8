/** The forms in which strings and tokens are compared. https://hl7.org/fhir/R4/search.html#string */

/** Text that lower case and collapsed white space normalise completely: ASCII without punctuation. Not for megabytes. */
const simple = /^[0-9A-Za-z]+(?: [0-9A-Za-z]+)*$/;
/** Combining accents; marks that are letters of their own (Indic vowels) stay. */
const accents = /[\u0300-\u036f]/g;
/** Punctuation, and the two accents that people type as an apostrophe. */
const punctuation = /[\p{P}`´]/gu;
const space = /\s+/g;

/**
 * The form of a string in which case, accents, punctuation and runs of white space don't count.
 * Idempotent; '' for text that has nothing else.
 */
export function normaliseString(text: string): string {
  if (text.length <= 10_000 && simple.test(text)) return text.toLowerCase();
  const bare = foldToken(text).normalize('NFD').replace(accents, '').replace(punctuation, '');
  return foldToken(bare.replace(space, ' ').trim().normalize('NFC'));
}

/** The form of a code in which case doesn't count. Idempotent. */
export function foldToken(text: string): string {
  // ß and the final sigma are the same letters as ss and σ.
  return text.toLowerCase().replaceAll('ς', 'σ').replaceAll('ß', 'ss');
}
