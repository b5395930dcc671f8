/** What references lead to, in the order of `Type/id`: for sorts by references. https://hl7.org/fhir/R4/search.html#sort */
import { containedType } from '../../../search/contained.ts';
import type { Parameter } from '../../../search/criteria.ts';
import { all, always, any, isIn, negated, never, raw, type Sql, sql, tick } from '../sql.ts';
import { type Condition, type Context, finding, indexed, type Prefix, type Subject } from './condition.ts';
import { ofPatterns } from './missing.ts';
import { either } from './or.ts';

/** What references by one text lead to. */
export interface Destination {
  /** `Type/id` of a resource here, or the URL of one elsewhere. */
  readonly text: string;
  /** The resource's number; undefined: it lies elsewhere. */
  readonly targets: readonly number[];
}

/** A place among the texts, and whether the text itself is asked for. */
export interface From {
  readonly text: string;
  readonly closed: boolean;
}

/** The text of a target that rows `e` and `t` are of: `Type/id`. Contained resources, which nothing is sorted by, have none. */
export const targetText = raw("t.name || '/' || e.id");
const joined = (target: string): Sql =>
  raw(`CROSS JOIN entity e ON e.rid = ${target}
    CROSS JOIN type t ON t.num = e.type AND t.name NOT GLOB '${containedType('*')}'`);

/**
 * The first destinations of a parameter beyond a place, rising or falling, at most so many. Each is found by skipping from one to
 * the next in the order of numbers, so all are looked at: that takes a microsecond or two each.
 */
export function destinations(
  number: number,
  from: From | undefined,
  rising: boolean,
  most: number,
  context: Context,
): readonly Destination[] {
  const found = new Map<string, Set<number>>();
  for (const prefix of prefixes(context)) {
    for (const query of [ofTargets(prefix, number, from, rising, most), ofUris(prefix, number, from, rising, most)]) {
      for (const [text, target] of context.rows(query)) {
        const targets = found.get(String(text)) ?? new Set();
        if (target !== null) targets.add(Number(target));
        found.set(String(text), targets);
      }
    }
  }
  const sign = rising ? 1 : -1;
  return [...found]
    .map(([text, targets]) => ({ text, targets: [...targets], bytes: Buffer.from(text) }))
    .sort((a, b) => sign * Buffer.compare(a.bytes, b.bytes))
    .slice(0, most)
    .map(({ text, targets }) => ({ text, targets }));
}

function prefixes({ at }: Context): readonly Prefix[] {
  return at === undefined ? [''] : ['', 'kept_'];
}

function ofTargets(prefix: Prefix, number: number, from: From | undefined, rising: boolean, most: number): Sql {
  const rows = raw(indexed(prefix, 'reference', undefined, 'd'));
  return sql`WITH RECURSIVE one (target) AS (
      SELECT min(d.target) FROM ${rows} WHERE d.param = ${number}
      UNION ALL
      SELECT (SELECT min(d.target) FROM ${rows} WHERE d.param = ${number} AND d.target > one.target)
        FROM one WHERE one.target IS NOT NULL AND ${tick(raw('one.target'))})
    SELECT ${targetText} AS text, one.target FROM one ${joined('one.target')}
    WHERE ${beyond(targetText, from, rising)} ${firstOf('text', rising, most)}`;
}

function ofUris(prefix: Prefix, number: number, from: From | undefined, rising: boolean, most: number): Sql {
  const rows = raw(indexed(prefix, 'uri', undefined, 'd'));
  const next = raw(rising ? 'min(d.value)' : 'max(d.value)');
  const past = raw(rising ? '>' : '<');
  return sql`WITH RECURSIVE one (value) AS (
      SELECT ${next} FROM ${rows} WHERE d.param = ${number} AND ${beyond(raw('d.value'), from, rising)}
      UNION ALL
      SELECT (SELECT ${next} FROM ${rows} WHERE d.param = ${number} AND d.value ${past} one.value)
        FROM one WHERE one.value IS NOT NULL)
    SELECT value, NULL FROM one WHERE value IS NOT NULL LIMIT ${most}`;
}

function beyond(text: Sql, from: From | undefined, rising: boolean): Sql {
  if (from === undefined) return always;
  return sql`${text} ${raw(`${rising ? '>' : '<'}${from.closed ? '=' : ''}`)} ${from.text}`;
}

function firstOf(column: string, rising: boolean, most: number): Sql {
  return sql`ORDER BY ${raw(column)}${raw(rising ? '' : ' DESC')} LIMIT ${most}`;
}

/** Resources that refer to a destination, and through the parameter to none whose text comes before (`<`) or after (`>`) it. */
export function leadingTo(
  { text, targets }: Destination,
  number: number,
  { multiple }: Parameter,
  operator: '<' | '>',
): Condition {
  const rows = (prefix: Prefix): Sql => {
    const local = sql`SELECT d.rid AS rid FROM ${raw(indexed(prefix, 'reference', undefined, 'd'))}
      WHERE ${tick(raw('d.rid'))} AND d.param = ${number} AND ${isIn(raw('d.target'), targets)}`;
    const elsewhere = sql`SELECT d.rid AS rid FROM ${raw(indexed(prefix, 'uri', undefined, 'd'))}
      WHERE ${tick(raw('d.rid'))} AND d.param = ${number} AND d.value = ${text}`;
    return targets.length === 0 ? elsewhere : sql`${local} UNION ALL ${elsewhere}`;
  };
  const refers = (subject: Subject): Sql =>
    any([
      targets.length === 0 ? never : exists('reference', subject, number, isIn(raw('x.target'), targets)),
      exists('uri', subject, number, sql`x.value = ${text}`),
    ]);
  return {
    test: (subject) => all([refers(subject), multiple ? negated(sortable(subject, number, operator, text)) : always]),
    drive: finding(rows, 2, !multiple),
    usesResource: false,
  };
}

/** Resources without a reference that they are sorted by: without any, or with logical ones and those into themselves alone. */
export function leadingNowhere(number: number | undefined, context: Context): Condition {
  const none = ofPatterns(context.lookUp.patterns(context.typeNumber, number, false), context);
  if (number === undefined || !mayLeadNowhere(number, context)) return none;
  const others: Condition = {
    test: (subject) => negated(sortable(subject, number)),
    drive: finding(
      (prefix) => {
        const logical = sql`SELECT d.rid AS rid FROM ${raw(indexed(prefix, 'identifier', undefined, 'd'))}
        WHERE d.param = ${number}`;
        return sql`${logical} UNION ALL SELECT d.rid AS rid FROM ${raw(`${prefix}reference d INDEXED BY ${primary(prefix)}`)}
        WHERE d.param = ${number} AND d.target IN (${contained})`;
      },
      8,
      false,
    ),
    usesResource: false,
  };
  return either([none, others]);
}

const contained = raw(`SELECT e.rid FROM type t CROSS JOIN entity e ON e.type = t.num
  WHERE t.name GLOB '${containedType('*')}'`);

function primary(prefix: Prefix): string {
  return `sqlite_autoindex_${prefix}reference_1`;
}

/** Whether there are logical references, or any contained resources at all. */
function mayLeadNowhere(number: number, context: Context): boolean {
  const inside = sql`SELECT 1 FROM type t WHERE t.name GLOB ${containedType('*')} LIMIT 1`;
  const logical = prefixes(context).map((prefix) => {
    return sql`SELECT 1 FROM ${raw(indexed(prefix, 'identifier', undefined, 'd'))} WHERE d.param = ${number} LIMIT 1`;
  });
  return [inside, ...logical].some((query) => context.numbers(query).length > 0);
}

function exists(table: 'reference' | 'uri', { prefix, number: rid }: Subject, number: number, test: Sql): Sql {
  return sql`EXISTS (SELECT 1 FROM ${raw(indexed(prefix, table, 'by_resource', 'x'))}
    WHERE x.rid = ${rid} AND x.param = ${number} AND ${test})`;
}

/** Whether the resource has a reference that it may be sorted by: any, or one whose text comes before or after another. */
function sortable(subject: Subject, number: number, operator?: '<' | '>', text = ''): Sql {
  const { prefix, number: rid } = subject;
  const compared = (value: Sql): Sql => (operator === undefined ? always : sql`${value} ${raw(operator)} ${text}`);
  const local = sql`EXISTS (SELECT 1 FROM ${raw(indexed(prefix, 'reference', 'by_resource', 'x'))} ${joined('x.target')}
    WHERE x.rid = ${rid} AND x.param = ${number} AND ${compared(targetText)})`;
  return any([local, exists('uri', subject, number, compared(raw('x.value')))]);
}
