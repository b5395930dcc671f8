/** The contract's searches on the embedded store, read in every way that it has. https://hl7.org/fhir/R4/search.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { dateRules } from '../contract/dates.ts';
import type { SearchSubject } from '../contract/library.ts';
import { searchRules } from '../contract/search.ts';
import { walkRules } from '../contract/walks.ts';
import { byIndexes, bySorting, choosing, inMemory, openSearched } from './reading.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-search-'));
let files = 0;

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const inFile: SearchSubject = {
  open: (settings) => openSearched(`sqlite:${join(directory, `${++files}.db`)}`, settings),
};

describe('sqlite in memory', () => {
  searchRules(inMemory);
  walkRules(inMemory);
});

describe('sqlite in memory, in the order of indexes', () => {
  const subject = choosing(byIndexes);
  searchRules(subject);
  walkRules(subject);
  dateRules(subject);
});

describe('sqlite in memory, sorting what it found', () => {
  const subject = choosing(bySorting);
  walkRules(subject);
  dateRules(subject);
});

describe('sqlite in memory, each page in another way', () => {
  walkRules(choosing(byIndexes, bySorting));
});

describe('sqlite in a file', () => {
  walkRules(inFile, 2);
});
