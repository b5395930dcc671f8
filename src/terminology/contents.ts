/** The concepts of the code systems that codes are taken from. https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.system */
import { failure } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import { noVersion, type Part } from './codes.ts';
import { detailsOf } from './concept-details.ts';
import { type Concepts, hasConcepts } from './concepts.ts';
import { shorten } from './shorten.ts';
import type { Work } from './work.ts';

/** Where value sets and code systems are found, by canonical: `url`, or `url|version`. */
export interface TermSource {
  readonly valueSet: (canonical: string) => Promise<JsonObject | undefined>;
  readonly codeSystem: (canonical: string) => Promise<Concepts | undefined>;
  /** Whether there is a supplement of that canonical. */
  readonly supplement?: (canonical: string) => Promise<boolean>;
}

/** The versions of a system that codes are of. */
type Taken = Pick<Part, 'from'>;

/** A code system with its concepts. Throws 400 `not-supported` where they aren't here. */
export async function contentOf(canonical: string, source: TermSource): Promise<Concepts> {
  const found = await source.codeSystem(canonical);
  if (found !== undefined && hasConcepts(found)) return found;
  const lacking =
    found === undefined ? 'is not here' : `is here without its concepts (content ${shorten(found.content)})`;
  const hint =
    'load it (osteon terminology load), or store it as a CodeSystem with its concepts, or a ValueSet with its codes listed or expanded';
  throw failure(400, 'not-supported', `the code system ${shorten(canonical)} ${lacking}; ${hint}.`);
}

/** The code systems that a part is of, each version once. Throws as `contentOf` does. */
export async function contentsOf(system: string, taken: Taken, source: TermSource): Promise<readonly Concepts[]> {
  const found = new Map<string, Concepts>();
  for (const canonical of canonicalsOf(system, taken)) {
    const concepts = await contentOf(canonical, source);
    if (!found.has(concepts.version)) found.set(concepts.version, concepts);
  }
  return [...found.values()];
}

/** Whether `contentsOf` finds all that a part is of. */
export async function isHere(system: string, taken: Taken, source: TermSource): Promise<boolean> {
  for (const canonical of canonicalsOf(system, taken)) {
    const concepts = await source.codeSystem(canonical);
    if (concepts === undefined || !hasConcepts(concepts)) return false;
  }
  return true;
}

function canonicalsOf(system: string, { from }: Taken): readonly string[] {
  if (from === undefined || from.size === 0) return [system];
  return [...from].map((each) => (each === noVersion ? system : each));
}

/** The codes of a part of all of a system's but some. Throws as `contentOf` does, and `too-costly`. */
export async function spelledOut(
  system: string,
  part: Part,
  source: TermSource,
  work: Work,
): Promise<ReadonlySet<string>> {
  const codes = new Set<string>();
  for (const each of await contentsOf(system, part, source)) {
    for (const code of await each.codes(work)) if (!part.codes.has(code)) codes.add(code);
  }
  return codes;
}

/** Those of some codes that a system has in any of the versions. Throws as `contentOf` does, and `too-costly`. */
export async function thereOf(
  system: string,
  taken: Taken,
  codes: ReadonlySet<string>,
  source: TermSource,
  work: Work,
): Promise<ReadonlySet<string>> {
  const there = new Set<string>();
  for (const concepts of await contentsOf(system, taken, source)) {
    work.spend(codes.size);
    for await (const some of detailsOf(concepts, codes)) for (const { code } of some) there.add(code);
  }
  return there;
}
