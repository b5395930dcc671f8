/** The tables of loaded code systems. https://hl7.org/fhir/R4/codesystem.html */

/**
 * The step of the schema to version 7.
 *
 * A system's concepts have numbers that begin at `number of the system * systemSpan`, in the order of their codes. The words of each system
 * lie in a full-text table of its own, `concept_words_<number>`, so that no search reads what other systems have, and so that it goes at once.
 */
export const terminologySchema = `
-- Versions of code systems. state: 'loading', 'current', or 'gone' while what it has is being removed.
-- properties: JSON; 'parent' goes before them in the numbers of concept_property.property.
CREATE TABLE code_system (number INTEGER PRIMARY KEY, url TEXT NOT NULL, version TEXT NOT NULL, title TEXT NOT NULL,
  case_sensitive INTEGER NOT NULL, properties TEXT NOT NULL, concepts INTEGER NOT NULL, pairs INTEGER NOT NULL,
  inactive INTEGER NOT NULL, abstract INTEGER NOT NULL, state TEXT NOT NULL);
CREATE UNIQUE INDEX code_system_current ON code_system (url, version) WHERE state = 'current';
-- key: the code, folded where case doesn't count. flags: 1 inactive, 2 abstract. more: JSON (terminology-rows.ts).
CREATE TABLE concept (number INTEGER PRIMARY KEY, system INTEGER NOT NULL, key TEXT NOT NULL, code TEXT NOT NULL,
  display TEXT NOT NULL, flags INTEGER NOT NULL, more TEXT);
CREATE UNIQUE INDEX concept_by_key ON concept (system, key);
-- All that is below a concept, however far.
CREATE TABLE concept_below (above INTEGER NOT NULL, below INTEGER NOT NULL, PRIMARY KEY (above, below)) WITHOUT ROWID;
CREATE TABLE concept_property (system INTEGER NOT NULL, property INTEGER NOT NULL, value TEXT NOT NULL,
  concept INTEGER NOT NULL, PRIMARY KEY (system, property, value, concept)) WITHOUT ROWID;
`;

/** Numbers of concepts that a system has. */
export const systemSpan = 2 ** 26;

/** The full-text table of a system; words stand in rows under the concept's number. */
export function wordsTable(system: number): string {
  return `concept_words_${system}`;
}

/** Makes it. Neither where nor how often a word occurs is asked for. Beginnings of words have rows of their own. */
export function wordsSchema(system: number): string {
  return `CREATE VIRTUAL TABLE ${wordsTable(system)} USING fts5(words, content = '', columnsize = 0, detail = none,
    tokenize = 'ascii', prefix = '1 2 3')`;
}

/** Words that no text has: of concepts that are inactive, and of those that are abstract. */
export const inactiveWord = '\ue000i';
export const abstractWord = '\ue000a';

export const INACTIVE = 1;
export const ABSTRACT = 2;
