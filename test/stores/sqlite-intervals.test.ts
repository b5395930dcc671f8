/** Many intervals at once, tested by halves. https://hl7.org/fhir/R4/search.html#prefix */
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import type { IntervalTest } from '../../src/search/criteria.ts';
import { within } from '../../src/search/match.ts';
import { boxesOf, inBoxes } from '../../src/store/sqlite/compile/interval.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { sql } from '../../src/store/sqlite/sql.ts';

const db = openDatabase(':memory:');
afterAll(() => db.close());

const number = fc.integer({ min: 0, max: 40 });

/** What `eq` asks for, now and then something else; ends meet, overlap, and are the wrong way round. */
const alternative = fc
  .record({ low: number, width: fc.integer({ min: -1, max: 6 }), closed: fc.boolean(), other: fc.nat({ max: 60 }) })
  .map(({ low, width, closed, other }): IntervalTest<number>[number] =>
    other === 0
      ? [{ end: 'high', operator: '>', value: low }]
      : [
          { end: 'low', operator: '>=', value: low },
          { end: 'high', operator: closed ? '<=' : '<', value: low + width },
        ],
  );

it('many intervals find what each of them finds', () => {
  fc.assert(
    fc.property(
      fc.array(alternative, { minLength: 1, maxLength: 40 }),
      fc.array(fc.tuple(number, fc.nat({ max: 5 })), { minLength: 1, maxLength: 60 }),
      (interval, rows) => {
        const test = inBoxes(boxesOf(interval), { text: 'l', values: [] }, { text: 'h', values: [] });
        const list = JSON.stringify(rows.map(([low, width]) => [low, low + width]));
        const query = sql`SELECT ${test} FROM
          (SELECT value->>0 AS l, value->>1 AS h FROM json_each(${list}) ORDER BY key)`;
        const found = db
          .prepare(query.text)
          .all(...query.values)
          .map(([passes]) => passes === 1);
        expect(found).toEqual(rows.map(([low, width]) => within(interval, low, low + width)));
      },
    ),
    { numRuns: 500 },
  );
});
