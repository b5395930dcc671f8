/**
 * Runs regular expressions in time that grows with the text alone: all ways at once, none of them twice.
 * https://hl7.org/fhirpath/N1/#matchesregex-string-boolean
 */
import { type Instruction, programOf } from './pattern-program.ts';
import { type Budget, EvaluationFault } from './scope.ts';

/** Where it stands in a program, and where in the text it began. In the order in which a match is preferred. */
interface Way {
  readonly at: number;
  readonly begin: number;
}

export interface Pattern {
  /** Whether a text, or a part of it, matches. */
  readonly test: (text: string, whole: boolean, budget: Budget) => boolean;
  /** The text with all matches replaced. Throws EvaluationFault for a replacement that refers to groups. */
  readonly replace: (text: string, by: string, budget: Budget) => string;
}

/** How many steps of programs are remembered together: patterns may come from resources, too. */
const remembered = 50_000;
const known = new Map<string, Pattern>();
let steps = 0;

/** The compiled form of a regular expression. Throws ExpressionFault for what isn't one, looks around or refers back. */
export function patternOf(source: string): Pattern {
  const found = known.get(source);
  if (found !== undefined) return found;
  const program = programOf(source);
  const pattern: Pattern = {
    test: (text, whole, budget) => find(program, text, 0, whole ? 'whole' : 'any', budget) !== undefined,
    replace: (text, by, budget) => replaceAll(program, text, by, budget),
  };
  steps += program.length;
  if (steps > remembered) {
    known.clear();
    steps = program.length;
  }
  known.set(source, pattern);
  return pattern;
}

function isWord(text: string, at: number): boolean {
  return at >= 0 && at < text.length && /[A-Za-z0-9_]/.test(text.charAt(at));
}

/** Whether a step that takes no character may be taken here. */
function holds(kind: 'start' | 'end' | 'boundary' | 'inside', text: string, at: number): boolean {
  if (kind === 'start') return at === 0;
  if (kind === 'end') return at === text.length;
  return (isWord(text, at - 1) !== isWord(text, at)) === (kind === 'boundary');
}

/** The ways of one place in the text, each place of the program once. */
class Ways {
  readonly #program: readonly Instruction[];
  readonly #seen: Int32Array;
  #mark = 0;
  ways: Way[] = [];

  constructor(program: readonly Instruction[]) {
    this.#program = program;
    this.#seen = new Int32Array(program.length);
  }

  clear(): void {
    this.#mark += 1;
    this.ways = [];
  }

  /** Adds a way, and all that it leads to without taking a character. */
  add(first: number, begin: number, text: string, place: number): void {
    const open = [first];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const instruction = this.#program[at];
      if (instruction === undefined || this.#seen[at] === this.#mark) continue;
      this.#seen[at] = this.#mark;
      switch (instruction.kind) {
        case 'character':
        case 'match':
          this.ways.push({ at, begin });
          break;
        case 'jump':
          open.push(instruction.to);
          break;
        case 'fork':
          open.push(instruction.to[1], instruction.to[0]);
          break;
        default:
          if (holds(instruction.kind, text, place)) open.push(at + 1);
      }
    }
  }
}

/** The preferred match that begins first; with `any` the first that is found, with `whole` but one of all the text. */
function find(
  program: readonly Instruction[],
  text: string,
  from: number,
  kind: 'first' | 'any' | 'whole',
  budget: Budget,
): { readonly begin: number; readonly end: number } | undefined {
  let now = new Ways(program);
  let next = new Ways(program);
  let best: { readonly begin: number; readonly end: number } | undefined;
  now.clear();
  for (let place = from; ; ) {
    if (best === undefined && (kind !== 'whole' || place === 0)) now.add(0, place, text, place);
    if (now.ways.length === 0 && (best !== undefined || kind === 'whole')) return best;
    const character = place < text.length ? String.fromCodePoint(text.codePointAt(place) ?? 0) : '';
    const after = place + character.length;
    budget.spend(now.ways.length + 1);
    next.clear();
    for (const { at, begin } of now.ways) {
      const instruction = program[at];
      if (instruction?.kind === 'match') {
        if (kind === 'whole' && place < text.length) continue;
        best = { begin, end: place };
        if (kind !== 'first') return best;
        // Ways behind this one are preferred less.
        break;
      }
      if (character !== '' && instruction?.kind === 'character' && instruction.accepts(character))
        next.add(at + 1, begin, text, after);
    }
    if (character === '') return best;
    [now, next] = [next, now];
    place = after;
  }
}

function replaceAll(program: readonly Instruction[], text: string, by: string, budget: Budget): string {
  if (/\$[0-9&{<]/.test(by)) throw new EvaluationFault('replaceMatches: groups are not supported');
  let result = '';
  let at = 0;
  while (at <= text.length) {
    const found = find(program, text, at, 'first', budget);
    if (found === undefined) break;
    budget.write(found.begin - at + by.length);
    result += text.slice(at, found.begin) + by;
    if (found.end > found.begin) at = found.end;
    else {
      result += text.charAt(found.end);
      at = found.end + 1;
    }
  }
  return result + text.slice(at);
}
