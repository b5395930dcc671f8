/** Criteria on `meta.lastUpdated`, which rises with the change number. https://hl7.org/fhir/R4/search.html#lastUpdated */
import type { LastUpdatedCriterion } from '../../../search/criteria.ts';
import { all, any, raw, type Sql, sql } from '../sql.ts';
import { type Condition, type Context, impossible, ofEntities, type Range } from './condition.ts';
import { type Bound, boxesOf, earlierOf, laterOf } from './interval.ts';

/** Change numbers [from, before). */
interface Changes {
  readonly from: number;
  readonly before: number;
}

export function lastUpdated({ interval }: LastUpdatedCriterion, context: Context): Condition {
  const changes = merged(
    boxesOf(interval).map((box) => {
      // Both ends are the same instant.
      const from = laterOf(box.lowFrom, box.highFrom);
      const to = earlierOf(box.lowTo, box.highTo);
      return {
        from: from === undefined ? 0 : firstChange(context, from, from.closed),
        before: to === undefined ? Number.MAX_SAFE_INTEGER : firstChange(context, to, !to.closed),
      };
    }),
  );
  if (changes.length === 0) return impossible;
  const within = ({ from, before }: Changes, row = 'r'): Sql => {
    const change = raw(`${row}.vid`);
    return all([sql`${change} >= ${from}`, sql`${change} < ${before}`]);
  };
  // One stretch whatever the changes are, since a position names its place among the stretches.
  const hull = { from: changes[0]?.from ?? 0, before: changes.at(-1)?.before ?? 0 };
  const where = changes.length === 1 ? within(hull) : all([within(hull), any(changes.map((each) => within(each)))]);
  const ranges: readonly Range[] = [{ table: 'entity', index: 'by_change', where, order: ['vid'], fixed: [] }];
  return {
    test: ({ row }) => any(changes.map((each) => within(each, row))),
    drive: ofEntities(ranges, [], 5, context.typeNumber),
    usesResource: true,
  };
}

/** The first change made at (`at`) or else after an instant: by halving, since there is no index on the instants. */
function firstChange(context: Context, { value }: Bound<number>, at: boolean): number {
  const [newest = 0] = context.numbers(sql`SELECT max(vid) FROM version`);
  let low = 1;
  let high = newest + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    // Numbers may be missing where resources were erased.
    const [updated] = context.numbers(sql`SELECT updated FROM version WHERE vid >= ${middle} ORDER BY vid LIMIT 1`);
    if (updated === undefined || updated > value || (at && updated === value)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The same changes without overlaps and empty stretches, rising. */
function merged(changes: readonly Changes[]): readonly Changes[] {
  const rising = changes.filter(({ from, before }) => from < before).sort((a, b) => a.from - b.from);
  const result: Changes[] = [];
  for (const next of rising) {
    const last = result.at(-1);
    if (last === undefined || next.from > last.before) result.push(next);
    else result[result.length - 1] = { from: last.from, before: Math.max(last.before, next.before) };
  }
  return result;
}
