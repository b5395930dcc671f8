/** Random audit records and queries. https://hl7.org/fhir/R4/auditevent.html */
import fc from 'fast-check';
import { countingIds } from '../../src/audit/ids.ts';
import type { AuditQuery } from '../../src/store/audit-log.ts';
import type { AuditRecord } from '../../src/store/audit-record.ts';

const start = 1_700_000_000_000;
/** Few ids, so that they repeat, in every spelling. */
const ids = [
  '1',
  'abc.DEF-9',
  '2f1c9d1e-7b3a-4c55-9f10-0a1b2c3d4e5f',
  '2f1c9d1e-7b3a-4c55-9f10-0a1b2c3d4e60',
  '018f0000-0000-7000-8000-000000000001',
  '2F1C9D1E-7B3A-4C55-9F10-0A1B2C3D4E5F',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
];
const types = ['Patient', 'Observation', 'Encounter'];
const agents = ['anonymous', 'Patient/1', 'Practitioner/ä', 'x'.repeat(200)];
const subtypes = ['read', 'search-type', 'create', 'delete'];
const text = fc.string({ unit: 'grapheme', maxLength: 20 });

type Rest = Omit<AuditRecord, 'id' | 'recorded'>;

const rest: fc.Arbitrary<Rest> = fc.record({
  subtype: fc.constantFrom(...subtypes),
  action: fc.constantFrom('C', 'R', 'U', 'D', 'E'),
  outcome: fc.constantFrom('0', '4', '8', '12'),
  status: fc.constantFrom(0, 200, 201, 404, 599),
  agent: fc.constantFrom(...agents),
  address: fc.constantFrom('', '127.0.0.1', '::1'),
  requestId: fc.oneof(
    fc.constantFrom('', 'a-0', 'a-1', 'a-2', 'a-z', 'a-10', 'a-01', 'b-1', 'a-', ...ids),
    fc.uuid(),
    // Stranger than the server takes, but never blank, which no string of R4 is.
    text.map((any) => any.trim()),
  ),
  type: fc.constantFrom('', ...types),
  entity: fc.oneof(fc.constantFrom('', ...ids), fc.uuid()),
  patient: fc.constantFrom('', '', ...ids),
  query: fc.oneof(fc.constantFrom('', '', 'name=x', `_id=${'y'.repeat(3000)}`), text),
});

interface Step {
  readonly rest: Rest;
  /** Milliseconds since the record before. */
  readonly wait: number;
  /** Where the id doesn't count on. */
  readonly id: string | undefined;
}

const step: fc.Arbitrary<Step> = fc.record({
  rest,
  wait: fc.constantFrom(0, 0, 0, 1, 7, 1000, -3),
  id: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.uuid() }),
});

/** Records in the order of their making, with ids of their own. */
export function records(maxLength: number): fc.Arbitrary<readonly AuditRecord[]> {
  const steps = fc.array(step, { minLength: 1, maxLength, size: 'max' });
  return fc.tuple(steps, fc.integer({ min: 0, max: 2 ** 46 })).map(([all, tail]) => {
    const nextId = countingIds(`018f0000-0000-7abc-8def-${tail.toString(16).padStart(12, '0')}`);
    let recorded = start;
    return all.map(({ rest: others, wait, id }) => {
      recorded += wait;
      return { id: id ?? nextId(recorded), recorded, ...others };
    });
  });
}

function some(values: readonly string[]): fc.Arbitrary<string[] | undefined> {
  const list = fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: list });
}

/** Queries of which most find something among `records`. */
export const queries: fc.Arbitrary<AuditQuery> = fc
  .record({
    agents: some(agents),
    patients: some(ids),
    entities: some(types.flatMap((type) => ids.map((id) => `${type}/${id}`))),
    actions: some(['C', 'R', 'U', 'D', 'E']),
    subtypes: some([...subtypes, 'vread']),
    outcomes: some(['0', '4', '8', '12']),
    recorded: fc.option(
      fc.tuple(fc.integer({ min: -10, max: 5000 }), fc.integer({ min: 0, max: 3000 })).map(([low, span]) => ({
        low: start + low,
        high: start + low + span,
      })),
      { nil: undefined, freq: 2 },
    ),
  })
  .map(({ agents: a, patients, entities, actions, subtypes: s, outcomes, recorded }) => ({
    ...(a === undefined ? {} : { agents: a }),
    ...(patients === undefined ? {} : { patients }),
    ...(entities === undefined ? {} : { entities }),
    ...(actions === undefined ? {} : { actions }),
    ...(s === undefined ? {} : { subtypes: s }),
    ...(outcomes === undefined ? {} : { outcomes }),
    ...(recorded === undefined ? {} : { recorded }),
  }));
