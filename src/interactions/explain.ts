/** `_explain`: how the server reads a search, in words and numbers. https://hl7.org/fhir/R4/search.html */
import { describe, describeSort } from '../search/describe.ts';
import type { Search } from '../search/query.ts';
import type { ExplainedCriterion, ExplainedPart, ExplainedStep, Explanation } from '../store/port.ts';
import type { Answer } from './context.ts';

/** Part of a Parameters resource. */
interface Parameter {
  readonly name: string;
  readonly valueString?: string;
  readonly valueInteger?: number;
  readonly valueDecimal?: number;
  readonly valueBoolean?: boolean;
  readonly valueCode?: string;
  readonly part?: readonly Parameter[];
}

/** How a criterion is read that is too wide by itself. */
const beside = 'none by itself, which is too wide: what passes the other criteria is tested';

/** Rows that were looked at for each match, from which on a search could be better. */
const wasteful = 100;
/** Rows that are read in no time. */
const few = 5_000;

const encoder = new TextEncoder();

/** 200 with Parameters: each type's criteria after lowering, what was read, and what would help. */
export function explained(search: Search, explanation: Explanation): Answer {
  const { parts, steps, matches, total, thorough } = explanation;
  const examined = steps.reduce((sum, step) => sum + step.rowsExamined, 0);
  const time = steps.reduce((sum, step) => sum + step.milliseconds, 0);
  const sort = search.parts[0]?.sort ?? [];
  const parameter: readonly Parameter[] = [
    ...parts.map((part) => partOf(part)),
    ...(sort.length === 0 ? [] : [{ name: 'sort', valueString: sort.map(describeSort).join(', ') }]),
    ...steps.map(stepOf),
    { name: 'matches', valueInteger: matches },
    ...(total === undefined ? [] : [{ name: 'total', valueInteger: total }]),
    { name: 'rowsExamined', valueInteger: examined },
    { name: 'milliseconds', valueDecimal: rounded(time) },
    ...hintsOf(search, explanation, examined).map((hint) => ({ name: 'hint', valueString: hint })),
    ...(thorough
      ? [{ name: 'note', valueString: 'What is cheap did not answer in time; this shows the thorough way.' }]
      : []),
  ];
  return { status: 200, body: encoder.encode(JSON.stringify({ resourceType: 'Parameters', parameter })) };
}

function partOf({ type, criteria, lead }: ExplainedPart): Parameter {
  const led = {
    sort: 'in the order of the sort',
    number: 'all that the rarest criterion finds, in the order of creation',
    change: 'all resources of the type, in the order of their last change',
  };
  return {
    name: 'search',
    part: [
      { name: 'type', valueCode: type },
      ...criteria.map((criterion, place) => criterionOf(criterion, place === lead)),
      { name: 'readBy', valueString: typeof lead === 'number' ? 'the index of the leading criterion' : led[lead] },
    ],
  };
}

function criterionOf({ criterion, rows, more }: ExplainedCriterion, leads: boolean): Parameter {
  return {
    name: 'criterion',
    part: [
      { name: 'meaning', valueString: describe(criterion) },
      ...(rows === undefined
        ? [{ name: 'index', valueString: more ? beside : 'none: each resource that is read is tested' }]
        : [{ name: more ? 'rowsAtLeast' : 'rows', valueInteger: rows }]),
      { name: 'leads', valueBoolean: leads },
    ],
  };
}

function stepOf({ access, rowsExamined, rowsFound, milliseconds }: ExplainedStep): Parameter {
  return {
    name: 'step',
    part: [
      ...access.map((line) => ({ name: 'access', valueString: line })),
      { name: 'rowsExamined', valueInteger: rowsExamined },
      { name: 'rowsFound', valueInteger: rowsFound },
      { name: 'milliseconds', valueDecimal: rounded(milliseconds) },
    ],
  };
}

/** What to ask instead, where a search reads much more than it shows. */
function hintsOf(search: Search, { parts, steps, matches }: Explanation, examined: number): readonly string[] {
  const hints: string[] = [];
  for (const { type, criteria, lead } of parts) {
    if (criteria.length > 0 && lead === 'change' && criteria.every(({ rows }) => rows === undefined)) {
      hints.push(
        `${type}: no index finds what these criteria ask; add one on a code, a reference, a date or an identifier.`,
      );
    }
  }
  if (examined > few && examined > wasteful * Math.max(1, matches)) {
    const rarest = 'a patient, an identifier, a code or a shorter period';
    hints.push(
      `${examined} rows were examined for ${matches} matches: add a criterion that few resources match (${rarest}).`,
    );
  }
  const does = (word: RegExp) => steps.some(({ access }) => access.some((line) => word.test(line)));
  if (examined > few && does(/: COLLSCAN/)) {
    hints.push('A whole collection was read: no index finds what is asked. One may be in the making; try again later.');
  }
  const sorted = does(/TEMP B-TREE FOR ORDER BY|: SORT/);
  if (sorted && examined > few) hints.push('All matches were sorted: a narrower search, or another _sort, reads less.');
  if (search.total === 'accurate' && examined > few) hints.push('_total=accurate counts all matches: leave it out.');
  return hints;
}

/** Milliseconds with three decimals. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
