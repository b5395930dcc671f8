/** Sets that take codes of several versions of a system, made such that their codes can be compared. https://hl7.org/fhir/R4/valueset.html#compositions */
import { type Codes, isWhole, noVersion, type Part } from './codes.ts';
import { isHere, spelledOut, type TermSource, thereOf } from './contents.ts';
import type { Work } from './work.ts';

/** Whether codes are of several versions of a system, as those that are named tell; codes of an expansion are of one of their own. */
export async function areOfSeveral(canonicals: Iterable<string>, source: TermSource): Promise<boolean> {
  const versions = new Set<string>();
  for (const canonical of canonicals) {
    const found = canonical === noVersion ? undefined : await source.codeSystem(canonical);
    versions.add(found === undefined ? canonical : `|${found.version}`);
    if (versions.size > 1) return true;
  }
  return false;
}

const canonicalsIn = (parts: readonly Part[]): ReadonlySet<string> =>
  new Set(parts.flatMap(({ from = [] }) => [...from]));

/** Systems of which several of the sets have codes, of several versions, and one all codes but some, with what the sets have of them. */
async function mixed(sets: readonly Codes[], source: TermSource): Promise<ReadonlyMap<string, readonly Part[]>> {
  const bySystem = new Map<string, Part[]>();
  for (const set of sets) {
    for (const [system, part] of set) {
      const parts = bySystem.get(system) ?? [];
      bySystem.set(system, parts);
      parts.push(part);
    }
  }
  const found = new Map<string, readonly Part[]>();
  for (const [system, parts] of bySystem) {
    if (parts.length < 2 || !parts.some(({ others }) => others)) continue;
    if (await areOfSeveral(canonicalsIn(parts), source)) found.set(system, parts);
  }
  return found;
}

/**
 * A set to be compared with another: of what both have in several versions it lists the codes, of those that the other lists where that
 * does. What isn't here stays as it is beside listed codes. `leftOut`: it is to be left out of the other, which then must not have what
 * its version hasn't by leaving out less; of listed codes it must be known that they are left out, unless their version isn't told.
 * Throws 400 `not-supported` for a version whose codes are needed and aren't here, and `too-costly`.
 */
export async function listedBeside(
  set: Codes,
  other: Codes,
  source: TermSource,
  work: Work,
  leftOut = false,
): Promise<Codes> {
  const systems = await mixed([set, other], source);
  if (systems.size === 0) return set;
  const result = new Map(set);
  for (const system of systems.keys()) {
    const [part, beside] = [set.get(system), other.get(system)];
    if (part === undefined || beside === undefined) continue;
    if (!part.others) {
      if (!leftOut || !beside.others || !(await isHere(system, beside, source))) continue;
      const there = await thereOf(system, beside, part.codes, source, work);
      result.set(system, { ...part, codes: new Set([...part.codes].filter((code) => there.has(code))) });
    } else if (beside.others) {
      result.set(system, { ...part, others: false, codes: await spelledOut(system, part, source, work) });
    } else if ((leftOut && beside.from?.has(noVersion) !== true) || (await isHere(system, part, source))) {
      const there = await thereOf(system, part, beside.codes, source, work);
      const codes = [...beside.codes].filter((code) => there.has(code) && !part.codes.has(code));
      result.set(system, { ...part, others: false, codes: new Set(codes) });
    }
  }
  return result;
}

/**
 * Sets to be united. All of a system's codes stay unlisted, unless a set lists codes that the system hasn't, or all but some are meant
 * of different versions. What isn't here stays as it is. Throws 400 `too-costly`.
 */
export async function unitable(sets: readonly Codes[], source: TermSource, work: Work): Promise<readonly Codes[]> {
  const spelled = new Set<string>();
  const within = new Set<string>();
  for (const [system, parts] of await mixed(sets, source)) {
    const open = parts.filter(({ others }) => others);
    const from = canonicalsIn(open);
    if (!open.every(isWhole) && (await areOfSeveral(from, source))) spelled.add(system);
    else if (await isHere(system, { from }, source)) {
      const listed = new Set(parts.flatMap(({ others, codes }) => (others ? [] : [...codes])));
      const there = await thereOf(system, { from }, listed, source, work);
      const lacks = [...listed].some((code) => !there.has(code));
      (lacks ? spelled : within).add(system);
    }
  }
  if (spelled.size + within.size === 0) return sets;
  const result: Codes[] = [];
  for (const set of sets) {
    const parts = new Map(set);
    for (const [system, part] of set) {
      // Codes that the others have too are of the versions of those.
      if (!part.others && within.has(system)) parts.set(system, { others: false, codes: part.codes });
      if (!part.others || !spelled.has(system) || !(await isHere(system, part, source))) continue;
      parts.set(system, { ...part, others: false, codes: await spelledOut(system, part, source, work) });
    }
    result.push(parts);
  }
  return result;
}
