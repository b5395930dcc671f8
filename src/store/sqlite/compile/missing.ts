/** Criteria on having no value, by the patterns of which parameters resources have values of. https://hl7.org/fhir/R4/search.html#missing */
import type { MissingCriterion } from '../../../search/criteria.ts';
import type { SettingName } from '../settings.ts';
import { isIn, raw, sql } from '../sql.ts';
import { type Condition, type Context, impossible, ofEntities, type Range } from './condition.ts';
import { mostMerged } from './matcher.ts';

const pattern = raw('r.pattern');

/** Criteria of these patterns of the searched type. */
export function ofPatterns(patterns: readonly number[], context: Context): Condition {
  const { typeNumber } = context;
  if (patterns.length === 0) return impossible;
  const range = (some: readonly number[], order: readonly string[]): Range => {
    const fixed = some.length === 1 && order.length > 0 ? some : [];
    return { table: 'entity', index: 'by_pattern', where: isIn(pattern, some), order, fixed };
  };
  const whole = range(patterns, ['pattern']);
  // A parameter that is filled, or one that goes, gives resources other patterns: a walk that went by these would show some twice.
  // To merge many takes ten times as long as to read one after the other: these are gone by until they are others.
  const drive =
    patterns.length > mostMerged
      ? ofEntities([{ ...whole, number: moved(context) }], [], 8, typeNumber)
      : {
          ...ofEntities(
            [whole],
            patterns.map((one) => range([one], [])),
            8,
            typeNumber,
          ),
          ranges: [],
        };
  return { test: ({ row }) => isIn(raw(`${row}.pattern`), patterns), drive, usesResource: true };
}

/** How often resources of the searched type got another pattern without being changed. */
function moved({ typeNumber, rows }: Context): number {
  const name: SettingName = `patterns ${typeNumber}`;
  return Number(rows(sql`SELECT value FROM setting WHERE name = ${name}`)[0]?.[0] ?? 0);
}

export function missing({ parameter, missing: none }: MissingCriterion, context: Context): Condition {
  const number = context.numberOf(parameter);
  return ofPatterns(context.lookUp.patterns(context.typeNumber, number, !none), context);
}
