/** What a filter of concepts means to MongoDB. https://hl7.org/fhir/R4/valueset-filter-operator.html */
import type { Filter } from 'mongodb';
import { wordsIn } from '../../search/words.ts';
import type { ConceptFilter } from '../terminology.ts';
import { type ConceptDocument, entryOf, withinSet } from './terminology-documents.ts';

export type ConceptCondition = Filter<ConceptDocument>;

/** What a filter selects. */
export interface Selected {
  /** One after the other; none has what another has. */
  readonly sources: readonly ConceptCondition[];
  /** All of it at once. */
  readonly whole: ConceptCondition;
}

type Property = NonNullable<ConceptFilter['properties']>[number];

/**
 * Compiles a filter.
 * @param numbers of the codes that it names, by code; those that aren't there are missing.
 */
export function selectedBy(set: number, filter: ConceptFilter, numbers: ReadonlyMap<string, number>): Selected {
  const { text = '', codes, under, properties = [], activeOnly, selectableOnly } = filter;
  const words = wordsIn(text);
  const conditions: ConceptCondition[] = [{ set, ...withinSet(set) }];
  if (codes !== undefined) conditions.push({ _id: { $in: codes.flatMap((code) => numbers.get(code) ?? []) } });
  if (under !== undefined) {
    const upper = numbers.get(under.code) ?? -1;
    conditions.push(under.self ? { $or: [{ _id: upper }, { above: upper }] } : { above: upper });
  }
  for (const property of properties) conditions.push(hasProperty(property));
  if (activeOnly === true) conditions.push({ inactive: { $exists: false } });
  if (selectableOnly === true) conditions.push({ abstract: { $exists: false } });
  if (words.length === 0) {
    const all = conditions.length > 1 ? { $and: conditions } : withinSet(set);
    return { sources: [all], whole: all };
  }
  const besides = (...more: readonly ConceptCondition[]): ConceptCondition => ({ $and: [...conditions, ...more] });
  // A word has no character that means something in an expression.
  const beginning = words.map((word): ConceptCondition => ({ words: new RegExp(`^${word}`) }));
  const whole: ConceptCondition = { words: { $all: [...words] } };
  const exact = numbers.get(text.trim());
  const notExact: readonly ConceptCondition[] = exact === undefined ? [] : [{ _id: { $ne: exact } }];
  return {
    sources: [
      ...(exact === undefined ? [] : [besides({ _id: exact }, ...beginning)]),
      besides(whole, ...notExact),
      besides(...beginning, { $nor: [whole] }, ...notExact),
    ],
    whole: besides(...beginning),
  };
}

/** The codes of which `selectedBy` needs the numbers. */
export function namedIn({ text = '', codes = [], under }: ConceptFilter): readonly string[] {
  const exact = text.trim();
  return [...codes, ...(under === undefined ? [] : [under.code]), ...(exact === '' ? [] : [exact])];
}

function hasProperty({ code, op, values }: Property): ConceptCondition {
  const wanted = values.map((value) => entryOf(code, value));
  switch (op) {
    case '=':
    case 'in':
      return { values: { $in: wanted } };
    case 'not-in':
      return { values: { $nin: wanted } };
    case 'exists':
      return values[0] === 'false' ? { has: { $ne: code } } : { has: code };
  }
}
