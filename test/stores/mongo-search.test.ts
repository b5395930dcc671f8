/** The contract's searches on MongoDB. https://hl7.org/fhir/R4/search.html */
import { afterAll, describe } from 'vitest';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { dateRules } from '../contract/dates.ts';
import type { SearchSubject } from '../contract/library.ts';
import { searchRules } from '../contract/search.ts';
import { walkRules } from '../contract/walks.ts';
import { databaseName, databases } from './mongo-database.ts';
import { type Disorder, disorderOf, messageOf, ordering } from './mongo-order.ts';

const { url, client, drop } = databases();

let disorder: Promise<Disorder> | undefined;
const orders = () => {
  disorder ??= disorderOf(client(), databaseName(url()));
  return disorder;
};

afterAll(async () => {
  const message = messageOf(await orders());
  if (message !== undefined) console.log(message);
});

/** Stores of their own database; with `indexed` each path that is searched has its index at once. */
function subject(indexed: boolean): SearchSubject {
  const plain: SearchSubject = {
    open: async ({ clock, cursorLifetime, parameters }) => {
      const at = url();
      const store = await openMongoStore(at, {
        ...(clock === undefined ? {} : { clock }),
        cursorLifetime,
        timezone: 'UTC',
        parameters: parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
        ...(indexed ? { indexes: { small: 0 } } : {}),
      });
      return {
        search: (query) => store.search(query),
        matches: (type, criterion, limit) => store.matches(type, criterion, limit),
        commit: (commit) => store.commit(commit),
        read: (type, id) => store.read(type, id),
        close: async () => {
          await store.close();
          await drop(at);
        },
      };
    },
  };
  return ordering(plain, orders);
}

describe('mongodb', () => {
  searchRules(subject(false));
  walkRules(subject(false));
  dateRules(subject(false));
});

describe('mongodb with its indexes', () => {
  searchRules(subject(true));
  walkRules(subject(true), 5);
});
