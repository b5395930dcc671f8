/** Contained resources: containers of what passes, and what lies in a version that counts. https://hl7.org/fhir/R4/search.html#contained */
import { containedType, isContained } from '../../../search/contained.ts';
import type { ContainsCriterion } from '../../../search/criteria.ts';
import { any, isIn, raw, sql } from '../sql.ts';
import { type Condition, type Context, finding, impossible, isImpossible } from './condition.ts';
import { passing } from './passing.ts';

export function contains({ type, of }: ContainsCriterion, context: Context): Condition {
  const there = context.on(containedType(type));
  // What is contained contains nothing.
  if (there === undefined || isContained(context.type)) return impossible;
  const condition = there.compile(of);
  if (isImpossible(condition)) return impossible;
  const found = passing(condition, there, context.most);
  return found === undefined ? tested(condition, there) : ofVersions(found.resources, context);
}

/** The versions in which these contained resources lie. */
function ofVersions(contained: readonly number[], { typeNumber, numbers }: Context): Condition {
  const versions = numbers(sql`SELECT DISTINCT e.vid FROM json_each(${JSON.stringify(contained)}) j
    CROSS JOIN entity e ON e.rid = j.value CROSS JOIN version v ON v.vid = e.vid WHERE v.type = ${typeNumber}`);
  if (versions.length === 0) return impossible;
  const list = JSON.stringify(versions);
  return {
    test: ({ row }) => isIn(raw(`${row}.vid`), versions),
    drive: finding(
      (prefix) =>
        prefix === ''
          ? sql`SELECT e.rid AS rid FROM json_each(${list}) j CROSS JOIN version v ON v.vid = j.value
              CROSS JOIN entity e ON e.rid = v.rid AND e.vid = v.vid`
          : sql`SELECT j.value AS rid FROM json_each(${list}) j`,
      1,
      true,
    ),
    usesResource: true,
  };
}

/** There are too many to list: those of the tested version are looked at. */
function tested(condition: Condition, { alias: row, typeNumber }: Context): Condition {
  const number = raw(`${row}.rid`);
  return {
    test: (subject) => sql`EXISTS (SELECT 1 FROM contained x CROSS JOIN ${raw(`entity ${row}`)} ON ${number} = x.rid
      WHERE x.vid = ${raw(`${subject.row}.vid`)} AND ${raw(`${row}.type`)} = ${typeNumber}
      AND ${condition.test({ prefix: '', number, row })})`,
    usesResource: true,
  };
}

/** On contained resources: those of versions that are current, or that were when the walk began. */
export function ofShownVersions(at: number | undefined): Condition {
  return {
    test: ({ row }) => {
      const vid = raw(`${row}.vid`);
      const current = sql`EXISTS (SELECT 1 FROM version v CROSS JOIN entity c ON c.rid = v.rid AND c.vid = v.vid
        WHERE v.vid = ${vid})`;
      if (at === undefined) return current;
      const kept = sql`EXISTS (SELECT 1 FROM kept k WHERE k.vid = ${vid} AND k.replaced > ${at} AND k.deleted = 0)`;
      return any([current, kept]);
    },
    usesResource: true,
  };
}
