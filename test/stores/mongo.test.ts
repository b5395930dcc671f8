/** The contract on MongoDB. https://hl7.org/fhir/R4/http.html */
import { describe } from 'vitest';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { auditRules } from '../contract/audit.ts';
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
import { databases } from './mongo-database.ts';

describe('mongodb', () => {
  const { url } = databases();
  const subject: Subject = {
    name: 'mongodb',
    open: ({ clock, cursorLifetime, parameters }: Settings) =>
      openMongoStore(url(), {
        ...(clock === undefined ? {} : { clock }),
        cursorLifetime,
        timezone: 'UTC',
        parameters: parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
      }),
  };
  readRules(subject);
  commitRules(subject);
  preconditionRules(subject);
  conditionRules(subject);
  unchangedRules(subject);
  deleteRules(subject);
  historyRules(subject);
  countRules(subject);
  tallyRules(subject);
  noteRules(subject);
  parameterRules(subject);
  integrityRules(subject);
  auditRules(subject);
  terminologyRules(subject);
  modelRules(subject);
});
