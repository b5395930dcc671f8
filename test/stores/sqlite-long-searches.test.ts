/** Searches with very many values leave little behind, however often other ones come. https://hl7.org/fhir/R4/search.html#combining */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import { ofResources } from '../../src/store/sqlite/compile/id.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { Probes } from '../../src/store/sqlite/probe.ts';
import { SlowQueries } from '../../src/store/sqlite/slow-queries.ts';
import { Statements, type Watch } from '../../src/store/sqlite/statements.ts';
import { quickThresholds } from '../../src/store/sqlite/thresholds.ts';

/** Bytes of the heap that are in use. */
let heap: () => number;
beforeAll(() => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('no gc');
  heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
});

/** All texts of a test are 50 MB. */
const texts = 200;
const longest = 250_000;
const most = 15_000_000;

describe('searches with very many values', () => {
  it('are known to be slow without their texts', () => {
    const slow = new SlowQueries();
    const name = (n: number) => Buffer.alloc(longest, `search ${n} `).toString('latin1');
    const before = heap();
    for (let n = 0; n < texts; n++) slow.add(name(n));
    expect(heap() - before).toBeLessThan(most);
    expect(slow.has(() => name(texts - 1))).toBe(true);
    expect(slow.has(() => name(texts))).toBe(false);
  });

  it('are counted without their texts, and not again at once', () => {
    const db = openDatabase(':memory:');
    const asked: string[] = [];
    const watch: Watch = {
      text: (text) => text,
      run: ({ text }, read) => {
        asked.push(text);
        return read();
      },
    };
    const probes = new Probes(new Statements(db, undefined, watch), quickThresholds);
    const drive = (n: number) => {
      const numbers = Array.from({ length: longest / 10 }, (_, place) => 1e8 + n * 1e6 + place);
      const { drive: found } = ofResources(numbers);
      if (found === undefined) throw new Error('numbers lead');
      return found;
    };
    const before = heap();
    for (let n = 0; n < texts; n++) expect(probes.count(drive(n), 64)).toBe(64);
    expect(heap() - before).toBeLessThan(most);
    expect(asked).toHaveLength(texts);
    expect(probes.count(drive(texts - 1), 64)).toBe(64);
    expect(asked).toHaveLength(texts);
    db.close();
  });
});
