/** The words of resources that full-text searches look for. https://hl7.org/fhir/R4/search.html#content */
import { isArray, isObject, type JsonValue } from '../fhir/resource.ts';
import type { Criterion, WordsQuery, WordsScope } from './criteria.ts';
import { textOfNarrative } from './narrative-text.ts';
import { foldToken } from './normalise.ts';

/** The words of a resource in their order, with `boundary` between two texts. */
export interface Words {
  /** Of `text.div`. */
  readonly narrative: readonly string[];
  /** Of all other texts. */
  readonly content: readonly string[];
}

/** Raise this when the same resource would have other words: stores then make their index anew. */
export const wordsVersion = 1;

/** Stands between the words of two texts, so that no phrase reaches over it: no text has it as a word. */
export const boundary = '\ue000';

const plain = /^[\0-\x7f]*$/;
const accents = /[\u0300-\u036f]/g;
const apostrophes = /(?<=\p{L})['’ʼ`´](?=\p{L})/gu;
/**
 * Scripts without spaces have a word for each character; elsewhere letters, digits and their marks are one. What
 * is longer comes in pieces: the stack of regular expressions isn't deep enough for a word of megabytes.
 */
const words =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]|(?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}])[\p{L}\p{N}\p{M}]){1,64}/gu;
/** Characters of a word that count, and of a piece. */
const longest = 64;
const alone = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]/u;

/** The words of a text: without case, accents and apostrophes; all other punctuation separates words. */
export function wordsIn(text: string): readonly string[] {
  return plainWordsIn(text) ?? allWordsIn(text);
}

const [zero, nine, a, z] = [48, 57, 97, 122];
const [apostrophe, backtick, beyondAscii] = [39, 96, 128];

/** The same of a text in ASCII without apostrophes and long words, as most are: twice as fast. undefined: it is another. */
function plainWordsIn(text: string): readonly string[] | undefined {
  const folded = text.toLowerCase();
  const found: string[] = [];
  let start = -1;
  for (let place = 0; place <= folded.length; place++) {
    // Beyond the end it is NaN, which ends a word.
    const code = folded.charCodeAt(place);
    if ((code >= a && code <= z) || (code >= zero && code <= nine)) {
      if (start < 0) start = place;
      continue;
    }
    if (code === apostrophe || code === backtick || code >= beyondAscii) return undefined;
    if (start < 0) continue;
    if (place - start >= longest) return undefined;
    found.push(folded.slice(start, place));
    start = -1;
  }
  return found;
}

/** The words of any text. */
export function allWordsIn(text: string): readonly string[] {
  const folded = plain.test(text)
    ? text.toLowerCase()
    : foldToken(foldToken(text).normalize('NFD').replace(accents, '').normalize('NFC'));
  const bare = folded.replace(apostrophes, '');
  const found = bare.match(words) ?? [];
  if (found.every((word) => word.length < longest)) return found;
  return withoutContinuations(bare);
}

/** The words of a text of which some come in several pieces: of each the first. */
function withoutContinuations(text: string): readonly string[] {
  const found: string[] = [];
  let end = 0;
  for (const { 0: piece, index } of text.matchAll(words)) {
    // A piece that isn't full would have gone on.
    const goesOn = index > 0 && index === end && !alone.test(piece);
    end = alone.test(piece) ? 0 : index + piece.length;
    if (!goesOn) found.push(piece.slice(0, longest));
  }
  return found;
}

/** Elements that nobody reads as text, by their names: ids, addresses of other resources, bytes. */
const unread: ReadonlySet<string> = new Set([
  'resourceType',
  'id',
  'versionId',
  'lastUpdated',
  'url',
  'reference',
  'data',
  'hash',
  'valueBase64Binary',
]);
/** Uris are found by search parameters, not by their parts. */
const uri = /^(?:https?|ftp|urn|mailto|tel|data|file|cid|oid|uuid):\S*$/i;

/** The words of a resource: of every string but ids, uris, references and base64; numbers and booleans have none. */
export function wordsOf(resource: JsonValue): Words {
  const content: string[] = [];
  let narrative: readonly string[] = [];
  const add = (found: readonly string[]): void => {
    if (found.length === 0) return;
    if (content.length > 0) content.push(boundary);
    for (const word of found) content.push(word);
  };
  const visit = (value: JsonValue, name: string): void => {
    if (typeof value === 'string') {
      if (name === 'div') add(wordsIn(textOfNarrative(value)));
      else if (!value.includes(':') || !uri.test(value)) add(wordsIn(value));
    } else if (isArray(value)) {
      for (const item of value) visit(item, name);
    } else if (isObject(value)) {
      for (const [key, member] of Object.entries(value)) {
        if (member !== undefined && !unread.has(key)) visit(member, key);
      }
    }
  };
  if (!isObject(resource)) return { narrative, content };
  for (const [key, member] of Object.entries(resource)) {
    if (member === undefined || unread.has(key)) continue;
    if (key === 'text' && isObject(member) && typeof member.div === 'string') {
      narrative = wordsIn(textOfNarrative(member.div));
      const { div: _div, ...rest } = member;
      visit(rest, key);
    } else visit(member, key);
  }
  return { narrative, content };
}

/** Whether the words of a resource pass a query. */
export function says(query: WordsQuery, scope: WordsScope, of: Words): boolean {
  switch (query.kind) {
    case 'and':
      return query.of.every((part) => says(part, scope, of));
    case 'or':
      return query.of.some((part) => says(part, scope, of));
    case 'except':
      return says(query.of, scope, of) && !says(query.but, scope, of);
    case 'words':
      return follow(query, of.narrative) || (scope === 'content' && follow(query, of.content));
  }
}

type Phrase = Extract<WordsQuery, { kind: 'words' }>;

/** Whether the words of a phrase follow each other in the list. */
function follow(phrase: Phrase, list: readonly string[]): boolean {
  return list.some((_, start) => standsAt(phrase, list, start));
}

/** How often a phrase occurs in the list; no two of these have a word in common. */
export function occurrences(phrase: Phrase, list: readonly string[]): number {
  let found = 0;
  for (let start = 0; start < list.length; ) {
    const here = standsAt(phrase, list, start);
    found += here ? 1 : 0;
    start += here ? phrase.words.length : 1;
  }
  return found;
}

function standsAt({ words: phrase, prefix }: Phrase, list: readonly string[], start: number): boolean {
  const last = phrase.length - 1;
  for (let n = 0; n <= last; n++) {
    const word = phrase[n] ?? '';
    const found = list[start + n] ?? '';
    if (prefix && n === last ? !found.startsWith(word) : found !== word) return false;
  }
  return true;
}

/** Whether a criterion looks at words, of any resource. */
export function looksAtWords(criterion: Criterion): boolean {
  switch (criterion.kind) {
    case 'words':
      return true;
    case 'and':
    case 'or':
      return criterion.of.some(looksAtWords);
    case 'not':
    case 'chain':
    case 'has':
    case 'contains':
      return looksAtWords(criterion.of);
    default:
      return false;
  }
}
