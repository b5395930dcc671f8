/** The codes of R4's own value sets, for bindings. https://hl7.org/fhir/R4/terminologies.html#binding */
import { OutcomeError } from '../../fhir/outcome.ts';
import { builtIn } from '../../terminology/built-in.ts';
import { readCodeSystem } from '../../terminology/code-system.ts';
import { hasConcepts } from '../../terminology/concepts.ts';
import { expandValueSet, type SystemCodes } from '../../terminology/expand.ts';
import { MemoryConcepts } from '../../terminology/memory-concepts.ts';
import type { CodeSet, Known } from '../validator.ts';
import { grammars } from './grammars.ts';

/** `url|version` in its parts. */
function parts(canonical: string): readonly [url: string, version: string | undefined] {
  const bar = canonical.indexOf('|');
  return bar < 0 ? [canonical, undefined] : [canonical.slice(0, bar), canonical.slice(bar + 1)];
}

function ofR4(type: 'CodeSystem' | 'ValueSet', canonical: string) {
  const [url, version] = parts(canonical);
  const found = builtIn(type, url);
  return found !== undefined && (version === undefined || found.version === version) ? found : undefined;
}

/** Nothing is looked for by words here. */
const noWords = (): readonly string[] => [];

function codeSystem(canonical: string): MemoryConcepts | undefined {
  const found = ofR4('CodeSystem', canonical);
  return found === undefined ? undefined : new MemoryConcepts(readCodeSystem(found), noWords);
}

const source = {
  valueSet: async (canonical: string) => ofR4('ValueSet', canonical),
  codeSystem: async (canonical: string) => codeSystem(canonical),
};

/** Whether a code is one of a system's; undefined: it can't be said. */
type CodeTest = (code: string) => Known;

/** All codes of a system: those that it lists, or that have the form of its codes. */
function wholeSystem(system: string): CodeTest {
  const grammar = grammars.get(system);
  if (grammar !== undefined) return grammar;
  const found = codeSystem(system);
  if (found === undefined || !hasConcepts(found)) return () => undefined;
  return (code) => found.has(code) || (found.content === 'complete' ? false : undefined);
}

function testOf({ system, codes }: SystemCodes): CodeTest {
  if (codes === undefined) return wholeSystem(system);
  const listed = new Set(codes);
  return (code) => listed.has(code);
}

function codeSet(codes: readonly SystemCodes[]): CodeSet {
  const tests = new Map(codes.map((each) => [each.system, testOf(each)]));
  const all = [...tests.values()];
  return {
    has(system, code) {
      if (system !== undefined) return tests.get(system)?.(code) ?? (tests.has(system) ? undefined : false);
      let unknown = false;
      for (const test of all) {
        const known = test(code);
        if (known === true) return true;
        if (known === undefined) unknown = true;
      }
      return unknown ? undefined : false;
    },
  };
}

/** By canonical, of R4's value sets alone: clients may name any. */
const known = new Map<string, Promise<CodeSet | undefined>>();

/**
 * The codes of one of R4's value sets, by canonical; undefined for one that R4 hasn't, or that needs a code system which isn't
 * part of R4.
 */
export async function builtInCodeSet(canonical: string): Promise<CodeSet | undefined> {
  const found = known.get(canonical);
  if (found !== undefined) return found;
  if (ofR4('ValueSet', canonical) === undefined) return undefined;
  const set = expanded(canonical);
  known.set(canonical, set);
  return set;
}

async function expanded(canonical: string): Promise<CodeSet | undefined> {
  try {
    return codeSet(await expandValueSet(canonical, source));
  } catch (error) {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  }
}
