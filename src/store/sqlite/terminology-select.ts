/** What a filter of concepts means in SQL. https://hl7.org/fhir/R4/valueset-filter-operator.html */
import { wordsIn } from '../../search/words.ts';
import type { ConceptFilter } from '../terminology.ts';
import type { SqlValue } from './open.ts';
import { type NumberedSystem, propertyNumbers } from './terminology-rows.ts';
import {
  ABSTRACT,
  abstractWord,
  INACTIVE,
  inactiveWord,
  systemSpan,
  wordsTable,
} from './terminology-schema.ts';

/** A piece of SQL and what it is given. */
interface Piece {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** Where numbers of concepts come from: `column` of `from`, those for which `where` holds. */
export interface Numbers {
  readonly from: Piece;
  readonly column: string;
  readonly where: readonly Piece[];
}

/** Codes as their numbers, undefined where there is none. */
export type NumberOf = (code: string) => number | undefined;

type Property = NonNullable<ConceptFilter['properties']>[number];

/**
 * The sources of the concepts that a filter selects, one after the other; none has what another has.
 * None at all where nothing can match.
 */
export function sourcesOf(system: NumberedSystem, filter: ConceptFilter, numberOf: NumberOf): readonly Numbers[] {
  const { text = '', codes, under, properties = [] } = filter;
  const words = wordsIn(text);
  const upper = under === undefined ? undefined : numberOf(under.code);
  if (under !== undefined && upper === undefined) return [];
  const named = codes === undefined ? undefined : [...new Set(codes.flatMap((code) => numberOf(code) ?? []))];
  const [single] = properties.filter(({ op, values }) => op === '=' && values.length === 1);
  const leads = {
    codes: named,
    text: words.length > 0 ? words : undefined,
    under: upper === undefined ? undefined : { number: upper, self: under?.self === true },
    property: single,
  };
  /** What holds besides, for what is led by another part of the filter. */
  const rest = (column: string, lead: keyof typeof leads | 'all'): readonly Piece[] => [
    piece(`((${column} & 1023) <> 0 OR concept_tick())`),
    ...(leads.codes !== undefined && lead !== 'codes' ? [inNumbers(column, leads.codes)] : []),
    ...(leads.under !== undefined && lead !== 'under' ? [isUnder(column, leads.under)] : []),
    ...properties
      .filter((property) => lead !== 'property' || property !== single)
      .map((property) => hasProperty(system, column, property)),
    ...(lead === 'text' ? [] : flagged(system, column, filter)),
  ];
  if (leads.text !== undefined) return textSources(system, filter, leads.text, numberOf(text.trim()), rest);
  if (leads.codes !== undefined) {
    const column = 'j.value';
    return [{ from: piece('json_each(?) j', JSON.stringify(leads.codes)), column, where: rest(column, 'codes') }];
  }
  if (leads.under !== undefined) return [underSource(leads.under, rest)];
  if (leads.property !== undefined) {
    const { code, values } = leads.property;
    const column = 'p.concept';
    const where = piece(
      'p.system = ? AND p.property = ? AND p.value = ?',
      system.number,
      numberOfProperty(system, code),
      values[0] ?? '',
    );
    return [{ from: piece('concept_property p'), column, where: [where, ...rest(column, 'property')] }];
  }
  const column = 'k.number';
  const within = piece('k.number >= ? AND k.number < ?', system.number * systemSpan, (system.number + 1) * systemSpan);
  return [{ from: piece('concept k'), column, where: [within, ...rest(column, 'all')] }];
}

type Rest = (column: string, lead: 'text' | 'under') => readonly Piece[];

/** The concept whose code the text is, those that have its words, those that have words which begin so. */
function textSources(
  system: NumberedSystem,
  filter: ConceptFilter,
  words: readonly string[],
  exact: number | undefined,
  rest: Rest,
): readonly Numbers[] {
  const table = wordsTable(system.number);
  const left = [
    ...(filter.activeOnly === true && system.inactive > 0 ? [inactiveWord] : []),
    ...(filter.selectableOnly === true && system.abstract > 0 ? [abstractWord] : []),
  ];
  const unflagged = (query: string) => left.reduce((all, word) => `(${all}) NOT "${word}"`, query);
  const whole = words.map((word) => `"${word}"`).join(' AND ');
  const beginning = words.map((word) => `"${word}"*`).join(' AND ');
  const from = (query: string, others: readonly Piece[]): Numbers => ({
    from: piece(`${table} f`),
    column: 'f.rowid',
    where: [piece(`f.${table} MATCH ?`, unflagged(query)), ...others, ...rest('f.rowid', 'text')],
  });
  const notExact = exact === undefined ? [] : [piece('f.rowid <> ?', exact)];
  return [
    ...(exact === undefined ? [] : [from(beginning, [piece('f.rowid = ?', exact)])]),
    from(whole, notExact),
    from(`(${beginning}) NOT (${whole})`, notExact),
  ];
}

interface Upper {
  readonly number: number;
  readonly self: boolean;
}

function underSource({ number, self }: Upper, rest: Rest): Numbers {
  const column = 'u.below';
  if (!self)
    return { from: piece('concept_below u'), column, where: [piece('u.above = ?', number), ...rest(column, 'under')] };
  const both = '(SELECT ? AS below UNION ALL SELECT below FROM concept_below WHERE above = ?) u';
  return { from: piece(both, number, number), column, where: rest(column, 'under') };
}

function isUnder(column: string, { number, self }: Upper): Piece {
  const below = `EXISTS (SELECT 1 FROM concept_below b WHERE b.above = ? AND b.below = ${column})`;
  return self ? piece(`(${column} = ? OR ${below})`, number, number) : piece(below, number);
}

function inNumbers(column: string, numbers: readonly number[]): Piece {
  return piece(`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(numbers));
}

function hasProperty(system: NumberedSystem, column: string, { code, op, values }: Property): Piece {
  const number = numberOfProperty(system, code);
  if (op === 'exists') {
    const all = `SELECT concept FROM concept_property WHERE system = ? AND property = ?`;
    return piece(`${column} ${values[0] === 'false' ? 'NOT IN' : 'IN'} (${all})`, system.number, number);
  }
  const test = `EXISTS (SELECT 1 FROM json_each(?) v CROSS JOIN concept_property q
    WHERE q.system = ? AND q.property = ? AND q.value = v.value AND q.concept = ${column})`;
  return piece(`${op === 'not-in' ? 'NOT ' : ''}${test}`, JSON.stringify(values), system.number, number);
}

/** -1, which nothing has, for a property that the system doesn't declare. */
function numberOfProperty(system: NumberedSystem, code: string): number {
  return propertyNumbers(system).get(code) ?? -1;
}

function flagged(system: NumberedSystem, column: string, filter: ConceptFilter): readonly Piece[] {
  const mask =
    (filter.activeOnly === true && system.inactive > 0 ? INACTIVE : 0) |
    (filter.selectableOnly === true && system.abstract > 0 ? ABSTRACT : 0);
  if (mask === 0) return [];
  return [piece(`EXISTS (SELECT 1 FROM concept g WHERE g.number = ${column} AND (g.flags & ?) = 0)`, mask)];
}

function piece(text: string, ...values: readonly SqlValue[]): Piece {
  return { text, values };
}

/** The numbers of a source as a statement: `what` of them, and what comes `after`. */
export function statementOf({ from, column, where }: Numbers, what: 'count' | 'page'): Piece {
  const source = `FROM ${from.text} WHERE ${where.map(({ text }) => text).join(' AND ')}`;
  const text =
    what === 'count'
      ? `SELECT count(*) ${source}`
      : `SELECT ${column} AS number ${source} ORDER BY ${column} LIMIT ? OFFSET ?`;
  return { text, values: [...from.values, ...where.flatMap(({ values }) => values)] };
}
