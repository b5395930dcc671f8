/** What code systems know of many codes at once. https://hl7.org/fhir/R4/codesystem.html */
import type { Part } from './codes.ts';
import type { ConceptDetail, Concepts } from './concepts.ts';
import type { Work } from './work.ts';

/** How many concepts are looked up at once. */
const someCodes = 1000;

/** The concepts that there are of some codes, a thousand at a time. */
export async function* detailsOf(
  concepts: Pick<Concepts, 'find'>,
  codes: ReadonlySet<string>,
): AsyncGenerator<readonly ConceptDetail[]> {
  const all = [...codes];
  for (let from = 0; from < all.length; from += someCodes) yield concepts.find(all.slice(from, from + someCodes));
}

/** A part without the codes that its system says are inactive. Throws 400 `too-costly`. */
export async function activeOf(concepts: Concepts, { others, codes }: Part, work: Work): Promise<Part> {
  if (!others) {
    work.spend(codes.size);
    const inactive = new Set<string>();
    for await (const some of detailsOf(concepts, codes))
      for (const { code, inactive: isInactive } of some) if (isInactive === true) inactive.add(code);
    return { others, codes: new Set([...codes].filter((code) => !inactive.has(code))) };
  }
  const nothing = { offset: 0, count: 0 };
  const { total } = await concepts.select({ activeOnly: true }, nothing);
  if (total === (await concepts.select({}, nothing)).total) return { others, codes };
  work.spend(total);
  const active = await concepts.select({ activeOnly: true }, { offset: 0, count: total });
  return {
    others: false,
    codes: new Set(active.concepts.map(({ code }) => code).filter((code) => !codes.has(code))),
  };
}
