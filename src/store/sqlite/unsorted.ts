/**
 * Walks without `_sort`: in the order of the index that leads, so that a page stops as soon as it is full.
 * https://hl7.org/fhir/R4/search.html
 */
import { CursorExpired } from '../errors.ts';
import type { Condition, Drive, Range } from './compile/condition.ts';
import { ofResources } from './compile/id.ts';
import { type Branch, collected, countsByIndex, foundAlone, frameOf, gatheringDrive, type Walk } from './frame.ts';
import type { Hit, HitReader, Source, Span } from './hits.ts';
import type { OrderColumn } from './keyset.ts';
import type { Probes } from './probe.ts';
import { always, never, raw, type Sql } from './sql.ts';

/** By number of the condition that leads; or in the order of the resources' numbers, or of their last change. */
export type Lead = number;
const BY_NUMBER: Lead = -1;
const BY_CHANGE: Lead = -2;

/** What leads, in the words of explanations. */
export function leadName(lead: Lead | undefined): number | 'number' | 'change' {
  if (lead === undefined || lead === BY_CHANGE) return 'change';
  return lead === BY_NUMBER ? 'number' : lead;
}

const byChange: Range = { table: 'entity', index: 'by_change', where: always, order: ['vid'], fixed: [] };

/** What leads a new walk. `most`: hits up to which a condition that has no order of its own is collected. */
export function leadOf(conditions: readonly Condition[], probes: Probes, most: number, walk: Walk): Lead {
  const drives = conditions.filter(({ drive }) => drive !== undefined);
  if (drives.length === 0) return BY_CHANGE;
  const only = drives.length === 1 ? conditions.findIndex(({ drive }) => drive !== undefined) : undefined;
  const scanned = only !== undefined && (conditions[only]?.drive?.ranges.length ?? 0) > 0;
  if (scanned) return only;
  if (only !== undefined && isOrdered(conditions[only])) return BY_NUMBER;
  const gathering = gatheringDrive(conditions, walk);
  if (gathering !== undefined && probes.all(gathering) !== undefined) return BY_NUMBER;
  const { place, hits } = probes.choose(conditions);
  if (place === undefined) return BY_CHANGE;
  if ((conditions[place]?.drive?.ranges.length ?? 0) > 0) return place;
  if (hits < most) return BY_NUMBER;
  const other = conditions.findIndex(({ drive }) => (drive?.ranges.length ?? 0) > 0);
  return other >= 0 ? other : BY_CHANGE;
}

/** Matches of one type in the order of what leads. The key begins with the number of the stretch. */
export function readUnsorted(
  reader: HitReader,
  conditions: readonly Condition[],
  lead: Lead,
  probes: Probes,
  most: number,
  span: Span,
): readonly Hit[] {
  if (lead === BY_NUMBER) return readByNumber(reader, conditions, probes, most, span);
  const leading = conditions[lead];
  const drive = leading?.drive;
  // Its stretches are those of the criterion alone; where there are none now, the place has lost its meaning.
  if (lead !== BY_CHANGE && (drive === undefined || drive.ranges.length === 0)) throw new CursorExpired();
  const ranges = drive === undefined ? [byChange] : drive.ranges;
  const others = conditions.filter((condition) => condition !== leading || drive === undefined);
  const hits: Hit[] = [];
  const numbered = ranges.map((range, place) => ({ range, number: range.number ?? place }));
  const begin = span.after === undefined ? undefined : Number(span.after[0]);
  const reordered = numbered.some(({ range, number }) => range.index === 'by_pattern' && number !== begin);
  if (begin !== undefined && reordered) throw new CursorExpired();
  for (const { range, number } of span.backwards ? numbered.reverse() : numbered) {
    if (begin !== undefined && (span.backwards ? number > begin : number < begin)) continue;
    if (range.where === never) continue;
    const of: Span = {
      prefix: [...span.prefix, number, ...range.fixed],
      after: number === begin ? span.after?.slice(1 + range.fixed.length) : undefined,
      backwards: span.backwards,
      limit: span.limit - hits.length,
      falling: span.falling,
    };
    const make = (branch: Branch) => [stretch(reader, range, drive, leading, others, branch)];
    const found = reader.read(make, of, `${lead} ${number}`);
    if (hits.length === 0 && found.length >= span.limit) return found;
    hits.push(...found);
    if (hits.length >= span.limit) break;
  }
  return hits;
}

function stretch(
  reader: HitReader,
  range: Range,
  drive: Drive | undefined,
  leading: Condition | undefined,
  others: readonly Condition[],
  branch: Branch,
): Source {
  const bare = reader.onlyNumbers && drive !== undefined && countsByIndex(drive, others);
  const frame = frameOf(range, branch, reader.walk, bare);
  const tests: Sql[] = others.map((condition) => condition.test(frame.subject));
  if (drive !== undefined && !drive.exact && leading !== undefined) tests.push(leading.test(frame.subject));
  if (drive !== undefined && !drive.unique) tests.push(drive.first(frame.subject.prefix));
  const alias = range.table === 'entity' ? 'r' : 'd';
  const columns = range.order.slice(range.fixed.length).map((name): OrderColumn => {
    return { value: raw(`${alias}.${name}`), descending: false, nullable: false };
  });
  return { frame, tests, columns, order: 'index', bare };
}

/** Matches in the order of their numbers: all that the most selective condition finds are looked at. */
export function readByNumber(
  reader: HitReader,
  conditions: readonly Condition[],
  probes: Probes,
  most: number,
  span: Span,
): readonly Hit[] {
  const gathering = gatheringDrive(conditions, reader.walk);
  const numbers = gathering && probes.all(gathering);
  if (numbers !== undefined) return readNumbers(reader, numbers, span);
  const driven = conditions.filter(({ drive }) => drive !== undefined);
  // What alone comes in this order needn't be counted before.
  const { place, hits } =
    driven.length === 1 && isOrdered(driven[0])
      ? { place: conditions.indexOf(driven[0]), hits: most }
      : probes.choose(conditions);
  const chosen = place === undefined ? undefined : conditions[place];
  // What comes in this order needn't be read to its end.
  const merged = isOrdered(chosen) ? chosen : hits < most ? undefined : conditions.find(isOrdered);
  const leading = merged ?? chosen;
  const others = conditions.filter((condition) => condition !== leading);
  return reader.read((branch) => {
    const condition = leading ?? everything;
    const { drive } = condition;
    const inOrder = merged !== undefined && drive !== undefined;
    const bare = inOrder
      ? reader.onlyNumbers && countsByIndex(drive, others)
      : branch === 'current' && foundAlone(drive, others, reader.walk);
    const frames = inOrder
      ? drive.byNumber.map((range) => frameOf(range, branch, reader.walk, bare))
      : [collected(condition, branch, reader.walk, bare)];
    const own = merged !== undefined && drive?.exact === false ? [condition] : [];
    return frames.map((frame): Source => {
      const tests = [...own, ...others].map((other) => other.test(frame.subject));
      if (merged !== undefined && drive?.unique === false) tests.push(drive.first(frame.subject.prefix));
      return { frame, tests, columns: [], order: merged === undefined ? 'none' : 'index', bare };
    });
  }, span);
}

/** Those of the matches' numbers, which rise, that the span takes. */
function readNumbers(reader: HitReader, numbers: readonly number[], span: Span): readonly Hit[] {
  const { prefix, after, limit } = span;
  const downwards = span.falling !== span.backwards;
  const begin = after === undefined ? undefined : Number(after[0]);
  const beyond = begin === undefined ? numbers : numbers.filter((rid) => (downwards ? rid < begin : rid > begin));
  const taken = downwards ? beyond.slice(-limit).reverse() : beyond.slice(0, limit);
  if (reader.onlyNumbers) return taken.map((rid) => ({ prefix, row: [rid], columns: 1, withVersion: false }));
  const ranges = ofResources(taken).drive?.byNumber ?? [];
  return reader.read((branch) => {
    return ranges.map((range): Source => {
      return { frame: frameOf(range, branch, reader.walk), tests: [], columns: [], order: 'index' };
    });
  }, span);
}

function isOrdered(condition: Condition | undefined): condition is Condition {
  return (condition?.drive?.byNumber.length ?? 0) > 0;
}

const everything: Condition = { test: () => always, usesResource: false };
