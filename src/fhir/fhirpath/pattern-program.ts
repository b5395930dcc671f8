/** Reads regular expressions as programs for a machine that never goes back. https://hl7.org/fhirpath/N1/#matchesregex-string-boolean */
import { ExpressionFault } from './syntax.ts';

/** A step; those that take no character name where to go on, the preferred one first. */
export type Instruction =
  | { readonly kind: 'character'; readonly accepts: (character: string) => boolean }
  | { readonly kind: 'fork'; readonly to: readonly [number, number] }
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: 'start' | 'end' | 'boundary' | 'inside' | 'match' };

/** Repetitions are written out. */
const MAX_INSTRUCTIONS = 10_000;
const MAX_LENGTH = 20_000;

type Part =
  | { readonly kind: 'character'; readonly accepts: (character: string) => boolean }
  | { readonly kind: 'start' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly Part[] }
  | { readonly kind: 'repeat'; readonly of: Part; readonly min: number; readonly max: number; readonly lazy: boolean };

/** The program of a regular expression. Throws ExpressionFault for what isn't one, looks around or refers back. */
export function programOf(text: string): readonly Instruction[] {
  if (text.length > MAX_LENGTH) throw new ExpressionFault('the regular expression is too large');
  const reader = new Reader(text);
  const program: Instruction[] = [];
  write(reader.whole(), program);
  program.push({ kind: 'match' });
  return program;
}

function push(program: Instruction[], instruction: Instruction): number {
  if (program.length >= MAX_INSTRUCTIONS) throw new ExpressionFault('the regular expression is too large');
  return program.push(instruction) - 1;
}

function write(part: Part, program: Instruction[]): void {
  switch (part.kind) {
    case 'sequence':
      for (const each of part.of) write(each, program);
      return;
    case 'choice':
      writeChoice(part.of, program);
      return;
    case 'repeat':
      writeRepeat(part, program);
      return;
    default:
      push(program, part);
  }
}

function writeChoice(parts: readonly Part[], program: Instruction[]): void {
  const jumps: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1) {
      write(part, program);
      break;
    }
    const fork = push(program, { kind: 'jump', to: 0 });
    write(part, program);
    const jump = push(program, { kind: 'jump', to: 0 });
    program[fork] = { kind: 'fork', to: [fork + 1, jump + 1] };
    jumps.push(jump);
  }
  for (const jump of jumps) program[jump] = { kind: 'jump', to: program.length };
}

function writeRepeat({ of, min, max, lazy }: Part & { readonly kind: 'repeat' }, program: Instruction[]): void {
  const fork = (at: number, inside: number, behind: number): void => {
    program[at] = { kind: 'fork', to: lazy ? [behind, inside] : [inside, behind] };
  };
  for (let n = 0; n < min; n += 1) {
    const before = program.length;
    write(of, program);
    // What takes no instruction takes none however often: `(){9999}`, and that within another.
    if (program.length === before) break;
  }
  if (max === Number.POSITIVE_INFINITY) {
    const loop = push(program, { kind: 'jump', to: 0 });
    write(of, program);
    push(program, { kind: 'jump', to: loop });
    fork(loop, loop + 1, program.length);
    return;
  }
  const forks: number[] = [];
  for (let n = min; n < max; n += 1) {
    forks.push(push(program, { kind: 'jump', to: 0 }));
    write(of, program);
  }
  for (const at of forks) fork(at, at + 1, program.length);
}

/** A test of single characters by what stands for one: `[a-z]`, `\d`, `\p{L}`. */
function characterTest(source: string): (character: string) => boolean {
  const pattern = nativePattern(`^(?:${source})$`);
  const ascii = Array.from({ length: 128 }, (_, code) => pattern.test(String.fromCharCode(code)));
  return (character) => {
    const code = character.charCodeAt(0);
    return code < 128 ? ascii[code] === true : pattern.test(character);
  };
}

/** With the flag `u` where the text allows it: then a character is one, however many units it has. */
function nativePattern(source: string): RegExp {
  try {
    return new RegExp(source, 'su');
  } catch {
    // `\@` and the like are allowed without it.
  }
  try {
    return new RegExp(source, 's');
  } catch {
    throw new ExpressionFault('the regular expression is malformed');
  }
}

const escaped = /\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[pP]\{[^}]*\}|c[A-Za-z]|[^0-9kuxpPc]|0)/y;
const characterClass = /\[\^?(?:\\(?:u[0-9A-Fa-f]{4}|[pP]\{[^}]*\}|.)|[^\]\\])*\]/sy;
const quantifier = /(?:([*+?])|\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\})(\??)/y;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  readonly #tests = new Map<string, (character: string) => boolean>();

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Part {
    const part = this.#choice();
    if (this.#at < this.#text.length) throw new ExpressionFault('the regular expression has a ")" too many');
    return part;
  }

  #choice(): Part {
    this.#depth += 1;
    if (this.#depth > 100) throw new ExpressionFault('the regular expression is nested too deeply');
    const of = [this.#sequence()];
    while (this.#take('|')) of.push(this.#sequence());
    this.#depth -= 1;
    return { kind: 'choice', of };
  }

  #sequence(): Part {
    const of: Part[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#text.charAt(this.#at))) of.push(this.#repeated());
    return { kind: 'sequence', of };
  }

  #repeated(): Part {
    const of = this.#single();
    const found = this.#match(quantifier);
    if (found === undefined) return of;
    if (this.#match(quantifier) !== undefined) throw new ExpressionFault('the regular expression repeats a repetition');
    const [, sign, low, comma, high, lazy] = found;
    const min = sign === undefined ? Number(low) : sign === '+' ? 1 : 0;
    const max =
      sign === undefined
        ? comma === undefined
          ? min
          : high === undefined || high === ''
            ? Number.POSITIVE_INFINITY
            : Number(high)
        : sign === '?'
          ? 1
          : Number.POSITIVE_INFINITY;
    return { kind: 'repeat', of, min, max, lazy: lazy === '?' };
  }

  #single(): Part {
    if (this.#take('^')) return { kind: 'start' };
    if (this.#take('$')) return { kind: 'end' };
    if (this.#take('.')) return { kind: 'character', accepts: () => true };
    if (this.#take('(')) return this.#group();
    const source = this.#match(characterClass)?.[0] ?? this.#match(escaped)?.[0];
    if (source === '\\b') return { kind: 'boundary' };
    if (source === '\\B') return { kind: 'inside' };
    if (source !== undefined) return { kind: 'character', accepts: this.#test(source) };
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    if ('*+?\\['.includes(character))
      throw new ExpressionFault(`the regular expression has what is not supported at ${this.#at + 1}`);
    this.#at += character.length;
    return { kind: 'character', accepts: (other) => other === character };
  }

  /** The same for all that are written alike. */
  #test(source: string): (character: string) => boolean {
    const test = this.#tests.get(source) ?? characterTest(source);
    this.#tests.set(source, test);
    return test;
  }

  #group(): Part {
    if (this.#take('?') && !this.#take(':')) {
      const name = this.#match(/<[A-Za-z_][A-Za-z0-9_]*>/y);
      if (name === undefined) throw new ExpressionFault('the regular expression looks around, which is not supported');
    }
    const inner = this.#choice();
    if (!this.#take(')')) throw new ExpressionFault('the regular expression lacks a ")"');
    return inner;
  }

  #take(character: string): boolean {
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }
}
