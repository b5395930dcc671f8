/** Records of reads are collected and written within a second. https://hl7.org/fhir/R4/auditevent.html */
import { describe, expect, it } from 'vitest';
import { auditSink, type CollectorOptions } from '../../src/audit/collector.ts';
import { countingIds } from '../../src/audit/ids.ts';
import type { AuditMode, Interacted } from '../../src/audit/record.ts';
import type { AuditLog } from '../../src/store/audit-log.ts';
import { all, auditFile } from './file.ts';

/** A timer that goes off when the test says so. */
function manualTimer() {
  const waiting: { readonly act: () => void; readonly milliseconds: number }[] = [];
  return {
    waiting,
    timer: (act: () => void, milliseconds: number) => {
      const entry = { act, milliseconds };
      waiting.push(entry);
      return () => {
        waiting.splice(waiting.indexOf(entry), 1);
      };
    },
  };
}

function interacted(interaction: string, given: Partial<Interacted> = {}, method = 'GET'): Interacted {
  const origin = { agent: 'anonymous', address: '127.0.0.1', requestId: 'r1' };
  return {
    call: { interaction, method, query: '', origin },
    status: 200,
    type: 'Patient',
    id: 'p1',
    patient: '',
    ...given,
  };
}

function sinkOf(log: AuditLog, given: Partial<CollectorOptions> = {}) {
  const errors: unknown[] = [];
  const sink = auditSink(log, {
    mode: 'all',
    clock: () => 1_700_000_000_000,
    report: (error) => errors.push(error),
    ...given,
  });
  const note = (each: Interacted) => {
    const record = sink.record(each);
    if (record !== undefined) sink.append(record);
    return record;
  };
  return { sink, note, errors };
}

describe('collector', () => {
  it('writes within a second, once the timer goes off', async () => {
    const file = auditFile();
    const { timer, waiting } = manualTimer();
    const { note, sink } = sinkOf(file.log, { timer });
    const noted = [note(interacted('read')), note(interacted('search-type', { id: '' }))];
    expect(waiting.length).toBe(1);
    expect(waiting[0]?.milliseconds).toBeLessThanOrEqual(1000);
    expect(await file.log.last()).toBe(0);
    waiting[0]?.act();
    expect((await all(file.log)).map(({ record }) => record)).toEqual(noted);
    note(interacted('read'));
    expect(waiting.length).toBe(1);
    await sink.close();
    expect(await file.log.last()).toBe(3);
    expect(waiting.length).toBe(0);
  });

  it('does not wait with many, and writes the rest at the end', async () => {
    const file = auditFile();
    const { note, sink } = sinkOf(file.log, { timer: manualTimer().timer });
    const noted = Array.from({ length: 2500 }, () => note(interacted('read')));
    expect(await file.log.last()).toBe(2048);
    await sink.close();
    expect((await all(file.log)).map(({ record }) => record)).toEqual(noted);
  });

  it('reports what could not be written', async () => {
    const failing: AuditLog = { ...auditFile().log, append: () => Promise.reject(new Error('disk full')) };
    const { note, sink, errors } = sinkOf(failing, { timer: manualTimer().timer });
    note(interacted('read'));
    await sink.close();
    expect(errors).toEqual([new Error('disk full')]);
  });

  it('leaves out what AUDIT says', () => {
    const audited = (mode: AuditMode) => {
      const { sink } = sinkOf(auditFile().log, { mode });
      const kinds = [
        'read',
        'vread',
        'history-type',
        'search-system',
        'capabilities',
        'create',
        'update',
        'patch',
        'delete',
        'batch',
        'transaction',
      ];
      const calls = [
        ...kinds.map((kind) => interacted(kind)),
        interacted('operation'),
        interacted('operation', {}, 'POST'),
      ];
      return calls.map((each) => sink.record(each) !== undefined);
    };
    expect(audited('all').every(Boolean)).toBe(true);
    expect(audited('off').some(Boolean)).toBe(false);
    expect(audited('writes')).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
      true,
      true,
      true,
      true,
      true,
      false,
      true,
    ]);
  });

  it('records what happened', () => {
    const { sink } = sinkOf(auditFile().log, { newId: () => 'an-id' });
    const call = { ...interacted('operation').call, operation: '$everything', query: '_count=5' };
    expect(sink.record({ call, status: 500, type: 'Patient', id: 'p1', patient: '' })).toEqual({
      id: 'an-id',
      recorded: 1_700_000_000_000,
      subtype: 'operation',
      action: 'E',
      outcome: '8',
      status: 500,
      agent: 'anonymous',
      address: '127.0.0.1',
      requestId: 'r1',
      type: 'Patient',
      entity: 'p1',
      patient: 'p1',
      query: '$everything?_count=5',
    });
    expect(sink.record(interacted('delete', { status: 412 }))).toMatchObject({ action: 'D', outcome: '4' });
    expect(sink.record(interacted('patch', { type: 'Observation', patient: 'p9' }))).toMatchObject({
      action: 'U',
      patient: 'p9',
    });
  });
});

describe('ids', () => {
  it('are UUIDs of version 7 that begin with the instant, rise, and never repeat', () => {
    const next = countingIds();
    const ids = Array.from({ length: 200_000 }, (_, n) => next(1_700_000_000_000 + Math.floor(n / 1000)));
    expect(ids[0]).toMatch(/^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    expect(countingIds()(1).slice(14)).not.toBe(countingIds()(1).slice(14));
  });
});
