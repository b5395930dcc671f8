/** The grammar of `_filter`. https://hl7.org/fhir/R4/search_filter.html */
import { refuse } from '../lower/context.ts';
import { FilterScanner } from './scanner.ts';
import { type Filter, type FilterStep, filterOperators, testsOf } from './tree.ts';

/** Bounds that keep every filter within what a store can evaluate. */
const longest = 16_384;
const deepest = 50;
const mostTests = 200;

const parameterName = 'the name of a search parameter';

/** A filter and how deep it is nested: each join, `not` and name of a path counts. */
interface Nested {
  readonly filter: Filter;
  readonly depth: number;
}

/**
 * A filter as a tree. `and` and `or` are taken from left to right, neither before the other, as R4 has it.
 * Throws 400 that names the character and what was expected there; also for a filter that is too long or too deep.
 */
export function parseFilter(text: string): Filter {
  if (text.length > longest)
    throw refuse('too-long', `_filter: a filter has at most ${longest} characters; this one has ${text.length}.`);
  const scanner = new FilterScanner(text);
  const { filter } = parseJoined(scanner, 0);
  if (!scanner.ended) throw scanner.expected('and, or, or the end');
  const tests = testsOf(filter);
  if (tests > mostTests)
    throw refuse('too-costly', `_filter: a filter has at most ${mostTests} comparisons; this one has ${tests}.`);
  return filter;
}

/** `opened`: how many brackets are open. */
function parseJoined(scanner: FilterScanner, opened: number): Nested {
  let left = parseOperand(scanner, opened);
  let word = parseConnective(scanner);
  while (word !== undefined) {
    const kind = word;
    const parts = [left];
    for (; word === kind; word = parseConnective(scanner)) parts.push(parseOperand(scanner, opened));
    left = join(kind, parts, scanner);
  }
  return left;
}

function join(kind: 'and' | 'or', parts: readonly Nested[], scanner: FilterScanner): Nested {
  const of = parts.map(({ filter }) => filter);
  return nested({ kind, of }, 1 + Math.max(...parts.map(({ depth }) => depth)), scanner);
}

function parseConnective(scanner: FilterScanner): 'and' | 'or' | undefined {
  scanner.skipSpace();
  if (scanner.ended || scanner.looksAt(')') || scanner.looksAt(']')) return undefined;
  const word = scanner.takeWord(['and', 'or']);
  if (word === undefined) throw scanner.expected('and, or, or the end');
  return word;
}

function parseOperand(scanner: FilterScanner, opened: number): Nested {
  scanner.skipSpace();
  if (scanner.take('(')) return parseGroup(scanner, ')', opened);
  const name = scanner.takeName();
  if (name === undefined) throw scanner.expected(`${parameterName}, not or (`);
  if (name !== 'not') return parseTest(name, scanner, opened);
  scanner.skipSpace();
  if (!scanner.take('(')) throw scanner.expected('( behind not');
  const { filter, depth } = parseGroup(scanner, ')', opened);
  return nested({ kind: 'not', of: filter }, depth + 1, scanner);
}

function parseGroup(scanner: FilterScanner, end: ')' | ']', opened: number): Nested {
  if (opened >= deepest) throw scanner.tooDeep(deepest);
  const group = parseJoined(scanner, opened + 1);
  if (!scanner.take(end)) throw scanner.expected(`and, or, or ${end}`);
  return group;
}

function parseTest(first: string, scanner: FilterScanner, opened: number): Nested {
  const path: FilterStep[] = [];
  let name = first;
  let within = 0;
  for (;;) {
    const inner = scanner.take('[') ? parseGroup(scanner, ']', opened) : undefined;
    path.push({ name, within: inner?.filter });
    within = Math.max(within, inner?.depth ?? 0);
    if (!scanner.take('.')) {
      if (inner !== undefined) throw scanner.expected('. and a name behind ]');
      break;
    }
    const next = scanner.takeName();
    if (next === undefined) throw scanner.expected(parameterName);
    name = next;
  }
  if (!scanner.skipSpace()) throw scanner.expected('a space and an operator behind the name');
  const operator = scanner.takeWord(filterOperators);
  if (operator === undefined) throw scanner.expected(`an operator (${filterOperators.join(', ')})`);
  if (!scanner.skipSpace()) throw scanner.expected('a space and a value behind the operator');
  const value = scanner.takeValue();
  return nested({ kind: 'test', path, operator, value }, path.length + within, scanner);
}

function nested(filter: Filter, depth: number, scanner: FilterScanner): Nested {
  if (depth > deepest) throw scanner.tooDeep(deepest);
  return { filter, depth };
}
