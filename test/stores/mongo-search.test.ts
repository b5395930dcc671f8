/** The contract's searches on MongoDB. https://hl7.org/fhir/R4/search.html */

import { describe } from 'vitest';


import { Bodies } from '../../src/store/mongo/bodies.ts';
import { Clock } from '../../src/store/mongo/clock.ts';
import { historyName } from '../../src/store/mongo/document.ts';
import { pathPart } from '../../src/store/mongo/fields.ts';
import { Files } from '../../src/store/mongo/files.ts';
import { contentOf, prepare } from '../../src/store/mongo/prepare.ts';
import { PointReads } from '../../src/store/mongo/read.ts';
import { Searcher } from '../../src/store/mongo/search.ts';
import { Types } from '../../src/store/mongo/types.ts';
import { dateRules } from '../contract/dates.ts';
import type { Searchable, SearchSubject } from '../contract/library.ts';
import { searchRules } from '../contract/search.ts';
import { walkRules } from '../contract/walks.ts';
import { databaseName, databases } from './mongo-database.ts';

const { url, client, drop } = databases();

const subject: SearchSubject = {
  open: async ({ clock = Date.now, cursorLifetime }) => {
    const at = url();
    const db = client().db(databaseName(at));
    const fields = {
      ofEntry: (_: string, entry: string) => pathPart(entry),
      ofParameter: ({ code }: { code: string }) => pathPart(code),
    };
    const bodies = new Bodies(new Files(db));
    const changes = new Clock(clock, 0);
    const types = new Types(db);
    const snapshots: any = { begin: async () => changes.snapshot() };
    const searcher = new Searcher({ db, fields, types, bodies, snapshots, clock, cursorLifetime });
    const reads = new PointReads(db, bodies);
    const searchable: Searchable = {
      search: (query) => searcher.search(query),
      matches: (type, criterion, limit) => searcher.matches(type, criterion, limit),
      read: (type, id) => reads.read(type, id),
      commit: async ({ writes }) => {
        const block = changes.begin(writes.length);
        const written: any[] = [];
        for (const [n, write] of writes.entries()) {
          await types.ensure(write.type);
          const c = db.collection<any>(write.type);
          const old = await c.findOne({ _id: write.id });
          const version = (old?.version ?? 0) + 1;
          const common = {
            version,
            change: block.at(n),
            commit: block.first,
            updated: new Date(block.updated),
            method: write.kind === 'put' ? write.method : 'DELETE',
          };
          if (write.kind === 'delete' && (old === null || old.deleted)) {
            written.push({ versionId: version - 1, lastUpdated: 0, outcome: 'unchanged' });
            continue;
          }
          let doc: any = { _id: write.id, ...common, deleted: true };
          if (write.kind === 'put') {
            const prepared = prepare(write, fields);
            const { fields: content } = contentOf(prepared, version, block.updated);
            doc = {
              _id: write.id,
              ...common,
              ...content,
              ...prepared.found,
              ...(prepared.words && { words: prepared.words }),
            };
          }
          if (old) {
            const { _id, ...rest } = old;
            await db
              .collection<any>(historyName(write.type))
              .insertOne({
                _id: { id: write.id, version: old.version },
                ...rest,
                until: common.change,
                untilCommit: common.commit,
                replaced: common.updated,
              });
          }
          await c.replaceOne({ _id: write.id }, doc, { upsert: true, ignoreUndefined: true });
          written.push({
            versionId: version,
            lastUpdated: block.updated,
            outcome: write.kind === 'put' ? (old ? 'updated' : 'created') : 'deleted',
          });
        }
        changes.end(block);
        return { written };
      },
      close: () => drop(at),
    };
    return searchable;
  },
};

/** Whether the server orders texts as MongoDB does, by the bytes of their UTF-8. */
const texts = async (): Promise<boolean> => {
  const found = await ordersTexts();
  return found;
};
async function ordersTexts(): Promise<boolean> {
  const c = client().db(databaseName(url())).collection<any>('probe');
  await c.insertMany([{ _id: '\u{1f600}' }, { _id: '\ufb01' }]);
  const [first] = await c.find().sort({ _id: 1 }).toArray();
  return first?._id === '\ufb01';
}

const scaled = (v: number) => (Math.abs(v) === 9e15 ? v : v * 8);
const replaced = (v: any, by: string) =>
  JSON.parse(JSON.stringify(v).replaceAll('\u{1f600}', by), (_, each) => {
    if (typeof each !== 'object' || each === null || each.kind !== 'date') return each;
    if ('interval' in each)
      return {
        ...each,
        interval: each.interval.map((all: any) => all.map((c: any) => ({ ...c, value: scaled(c.value) }))),
      };
    return 'low' in each ? { ...each, low: scaled(each.low), high: scaled(each.high) } : each;
  });
const under: SearchSubject = {
  open: async (settings) => {
    const s = await subject.open(settings);
    if (await texts()) return s;
    return {
      ...s,
      search: (query) => s.search({ ...query, parts: replaced(query.parts, '\uff5e') }),
      matches: (type, criterion, limit) => s.matches(type, replaced(criterion, '\uff5e'), limit),
      commit: (commit) =>
        s.commit({
          ...commit,
          writes: commit.writes.map((w) =>
            w.kind === 'put'
              ? {
                  ...w,
                  entries: replaced(w.entries, '\uff5e'),
                  ...(w.contained && { contained: replaced(w.contained, '\uff5e') }),
                }
              : w,
          ),
        }),
    };
  },
};

describe('mongodb', () => {
  searchRules(under);
  walkRules(under);
  dateRules(under);
});
