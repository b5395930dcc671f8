/** The contract on the embedded store: in memory, and in a file with its threads. https://hl7.org/fhir/R4/http.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { commitRules } from '../contract/commit.ts';
import { conditionRules } from '../contract/conditions.ts';
import { countRules } from '../contract/counts.ts';
import { deleteRules } from '../contract/delete.ts';
import { historyRules } from '../contract/history.ts';
import { integrityRules } from '../contract/integrity.ts';
import { modelRules } from '../contract/model.ts';
import { noteRules } from '../contract/notes.ts';
import { parameterRules } from '../contract/parameters.ts';
import { preconditionRules } from '../contract/preconditions.ts';
import { readRules } from '../contract/read.ts';
import type { Settings, Subject } from '../contract/subject.ts';
import { tallyRules } from '../contract/tally.ts';
import { terminologyRules } from '../contract/terminology.ts';
import { unchangedRules } from '../contract/unchanged.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-'));
let files = 0;

function subject(name: string, url: () => string): Subject {
  return {
    name,
    open: ({ clock, cursorLifetime, parameters }: Settings) =>
      openSqliteStore(url(), {
        ...(clock === undefined ? {} : { clock }),
        cursorLifetime,
        timezone: 'UTC',
        parameters: parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
      }),
  };
}

const subjects = [
  subject('in memory', () => 'sqlite::memory:'),
  subject('in a file', () => `sqlite:${join(directory, `${++files}.db`)}`),
];

afterAll(() => rmSync(directory, { recursive: true, force: true }));

for (const under of subjects) {
  describe(`sqlite ${under.name}`, () => {
    readRules(under);
    commitRules(under);
    preconditionRules(under);
    conditionRules(under);
    unchangedRules(under);
    deleteRules(under);
    historyRules(under);
    countRules(under);
    tallyRules(under);
    noteRules(under);
    parameterRules(under);
    integrityRules(under);
    terminologyRules(under);
    modelRules(under);
  });
}
