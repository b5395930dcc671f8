/** The contract's searches on the embedded store. https://hl7.org/fhir/R4/search.html */
import { describe } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { searchRules } from '../contract/search.ts';
import type { Subject } from '../contract/subject.ts';

const inMemory: Subject = {
  name: 'in memory',
  open: ({ clock, cursorLifetime, parameters }) =>
    openSqliteStore('sqlite::memory:', {
      ...(clock === undefined ? {} : { clock }),
      cursorLifetime,
      timezone: 'UTC',
      parameters: parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
      reextract: () => [],
    }),
};

describe('sqlite in memory', () => {
  searchRules(inMemory);
});
