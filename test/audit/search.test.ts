/** Searches of the server's own AuditEvents find what the criteria mean. https://hl7.org/fhir/R4/auditevent.html#search */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/audit/judge.ts';
import { narrow } from '../../src/audit/narrow.ts';
import { auditEventOf } from '../../src/audit/render.ts';
import { type AuditMatching, countAudit, readAudit, searchAudit } from '../../src/audit/search.ts';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { Criterion } from '../../src/search/criteria.ts';
import { createExtractor } from '../../src/search/extract/extract.ts';
import { matches } from '../../src/search/match.ts';
import { parseSearch } from '../../src/search/query.ts';
import { createRegistry } from '../../src/search/registry.ts';
import { wordsOf } from '../../src/search/words.ts';
import { fits } from '../../src/store/audit-log.ts';
import type { AuditRecord } from '../../src/store/audit-record.ts';
import { TooCostly } from '../../src/store/errors.ts';
import { records } from './arbitraries.ts';
import { auditFile, record, recordsFrom } from './file.ts';

const definitions = loadDefinitions();
const registry = createRegistry(definitions);
const baseUrl = 'http://example.org/fhir';
const extract = createExtractor(registry, definitions, { baseUrl, timezone: 'UTC' });
const matching: AuditMatching = {
  holds: (criterion, event, lastUpdated) => {
    const { resourceType: type, id = '' } = event;
    return matches(criterion, { type, id, lastUpdated, entries: extract(event), words: wordsOf(event) });
  },
  clock: () => 0,
};

/** The criterion of a query string. */
function criterion(query: string): Criterion {
  const search = parseSearch([...new URLSearchParams(query)], {
    registry,
    definitions,
    types: ['AuditEvent'],
    baseUrl,
    timezone: 'UTC',
    now: 1_700_000_100_000,
    handling: 'strict',
    defaultCount: 50,
    maxCount: 1000,
    ignoredParameters: [],
  });
  const [part] = search.parts;
  if (part === undefined) throw new Error('no part');
  return part.criterion;
}

function holds(of: Criterion, each: AuditRecord): boolean {
  return matching.holds(of, auditEventOf(each), each.recorded);
}

const parameters = [
  '_text=read',
  '_text=not read',
  '_content=read',
  '_content=read OR update',
  '_content=not "rest* read"',
  'action=R',
  'action=r',
  'action=C,D',
  'action:not=R',
  'action=http://hl7.org/fhir/audit-event-action|E',
  'action=http://example.org|E',
  'action=|E',
  'outcome=0',
  'outcome=4,8',
  'outcome:not=0',
  'subtype=read',
  'subtype=http://hl7.org/fhir/restful-interaction|create,delete',
  'subtype:missing=true',
  'type=rest',
  'type=other',
  'entity=Patient/1',
  'entity=Patient/1,Observation/abc.DEF-9',
  `entity=${baseUrl}/Encounter/2f1c9d1e-7b3a-4c55-9f10-0a1b2c3d4e5f`,
  'entity:missing=true',
  'patient=Patient/1',
  'patient=1',
  'patient=Patient/2f1c9d1e-7b3a-4c55-9f10-0a1b2c3d4e60',
  'agent=Patient/1',
  'agent-name=anon',
  'address=127',
  'source:missing=true',
  'entity-role=24',
  'entity-type=Patient',
  'date=2023-11-14',
  'date=gt2023-11-14T22:13:21Z',
  'date=lt2023-11-14T22:13:20.005Z',
  'date=ne2023-11-14T22:13:20.000Z',
  'date=2023-11-14T22:13:20.000Z',
  'date=2023-11-14T22:13:20Z',
  'date=ge2023-11-14T22:13:20.5&date=le2023-11-14T22:13:22Z',
  'date=sa2023-11-14T22:13:20Z,eb2023-11-14T22:13:20.001Z',
  'date=ap2023-11-14T22:13:25Z',
  '_lastUpdated=ge2023-11-14T22:13:21Z',
  '_lastUpdated=lt2023-11-14T22:13:20.003Z',
  '_id=00000000-0000-0000-0000-000000000000',
];

describe('search of AuditEvents', () => {
  it('judges records as their AuditEvents are matched, and narrows to no less', () => {
    const one = fc.constantFrom(...parameters);
    const query = fc.array(one, { minLength: 1, maxLength: 3 }).map((some) => some.join('&'));
    let judgedAlone = 0;
    let narrowed = 0;
    fc.assert(
      fc.property(query, records(8), (text, list) => {
        const of = criterion(text);
        const asked = narrow(of);
        for (const each of list) {
          const expected = holds(of, each);
          const judged = judge(of, each);
          if (judged !== undefined) {
            judgedAlone++;
            expect(judged, text).toBe(expected);
          }
          if (expected) expect(fits(asked, each), text).toBe(true);
          else if (!fits(asked, each)) narrowed++;
        }
      }),
      { numRuns: 600 },
    );
    // Most are told without making the resource, and many without reading the record.
    expect(judgedAlone).toBeGreaterThan(500);
    expect(narrowed).toBeGreaterThan(300);
  });

  it('pages in both directions, each match once', async () => {
    const list = fc.sample(records(700), { numRuns: 3, seed: 11 }).flat();
    const file = auditFile();
    file.append(list.slice(0, 500));
    file.reopen();
    file.append(list.slice(500));
    const upTo = await file.log.last();
    for (const text of [
      'action=R',
      'agent-name=anon&outcome=0',
      'patient=Patient/1',
      'subtype:not=read',
      '_id=nothing',
    ]) {
      const of = criterion(text);
      const expected = list.flatMap((each, n) => (holds(of, each) ? [n + 1] : []));
      for (const order of ['ascending', 'descending'] as const) {
        const seen: number[] = [];
        for (let more = true; more; ) {
          const after = seen.at(-1);
          const search = { criterion: of, order, upTo, count: 7, budget: 1, ...(after === undefined ? {} : { after }) };
          const page = await searchAudit(file.log, search, matching);
          expect(page.matches.length).toBeLessThanOrEqual(7);
          seen.push(...page.matches.map(({ sequence }) => sequence));
          more = page.more;
        }
        expect(seen, text).toEqual(order === 'ascending' ? expected : [...expected].reverse());
      }
      expect(await countAudit(file.log, { criterion: of, upTo, budget: 1 }, 10_000, matching)).toBe(expected.length);
      expect(await countAudit(file.log, { criterion: of, upTo, budget: 1 }, 5, matching)).toBe(
        Math.min(expected.length, 6),
      );
    }
  });

  it('reads an AuditEvent by its id', async () => {
    const file = auditFile();
    file.append(recordsFrom(1, 5000));
    const version = await readAudit(file.log, record(4321).id);
    expect(version).toMatchObject({
      type: 'AuditEvent',
      id: record(4321).id,
      versionId: 1,
      lastUpdated: 1_700_000_004_321,
    });
    expect(JSON.parse(Buffer.from(version?.body ?? []).toString('utf8'))).toEqual(auditEventOf(record(4321)));
    expect(await readAudit(file.log, 'nothing')).toBeUndefined();
  });

  it('gives up past its budget and says what to add', async () => {
    const file = auditFile();
    file.append(recordsFrom(1, 5000));
    let now = 0;
    const slow: AuditMatching = { ...matching, clock: () => (now += 10) };
    const search = {
      criterion: criterion('agent-name=nobody'),
      order: 'ascending' as const,
      upTo: 5000,
      count: 10,
      budget: 35,
    };
    await expect(searchAudit(file.log, search, slow)).rejects.toThrow(TooCostly);
    await expect(searchAudit(file.log, { ...search, budget: 1e9 }, slow)).resolves.toEqual({
      matches: [],
      more: false,
    });
  });
});
