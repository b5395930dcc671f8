/** Sets of codes by their systems, as value sets are made of. https://hl7.org/fhir/R4/valueset.html#compositions */

/** Codes of one system: these, or where `others` all of the system's but these. */
export interface Part {
  readonly others: boolean;
  readonly codes: ReadonlySet<string>;
  /** Canonicals of the system as it is taken from, with the version where one is named; `noVersion` for codes of an expansion. */
  readonly from?: ReadonlySet<string>;
}

/** In the place of a canonical: it isn't told which version codes are of, or whether the system has them. */
export const noVersion = '';

/** By system; '' stands for codes without one. A system that isn't there has no codes. */
export type Codes = ReadonlyMap<string, Part>;

export const noCodes: Codes = new Map();

/** All codes of a system. */
export function wholeSystem(system: string): Codes {
  return new Map([[system, { others: true, codes: new Set() }]]);
}

/** Whether nothing is listed of a system: it isn't there, or has all its codes. */
export function isWhole(part: Part | undefined): boolean {
  return part === undefined || (part.others && part.codes.size === 0);
}

/** These codes of a system. */
export function codesOf(system: string, codes: Iterable<string>): Codes {
  return new Map([[system, { others: false, codes: new Set(codes) }]]);
}

/** What is in any of the sets. */
export function union(sets: readonly Codes[]): Codes {
  // Thousands of small sets come together here, so what is listed is collected before anything is compared.
  const listed = new Map<string, { others: false; codes: Set<string>; from: Set<string> }>();
  for (const set of sets) {
    for (const [system, { others, codes, from = [] }] of set) {
      const known = listed.get(system) ?? { others: false, codes: new Set(), from: new Set() };
      listed.set(system, known);
      if (!others) for (const code of codes) known.codes.add(code);
      for (const each of from) known.from.add(each);
    }
  }
  const result = new Map<string, Part>(listed);
  for (const set of sets) {
    for (const [system, part] of set) {
      const before = result.get(system);
      if (part.others) result.set(system, before === undefined ? part : either(before, part));
    }
  }
  return result;
}

/** What is in both. */
export function intersection(a: Codes, b: Codes): Codes {
  const result = new Map<string, Part>();
  for (const [system, part] of a) {
    const other = b.get(system);
    if (other !== undefined) result.set(system, both(part, other));
  }
  return result;
}

/** What is in the first and not in the second. */
export function difference(a: Codes, b: Codes): Codes {
  const result = new Map<string, Part>();
  for (const [system, part] of a) {
    const other = b.get(system);
    const left = other === undefined ? part : both(part, { ...other, others: !other.others });
    result.set(system, { ...left, ...(part.from !== undefined && { from: part.from }) });
  }
  return result;
}

/** How many codes the sets are written with. */
export function sizeOf(sets: readonly Codes[]): number {
  let size = 0;
  for (const set of sets) for (const { codes } of set.values()) size += 1 + codes.size;
  return size;
}

/** Whether a code is in the set, where it is one that the system has. */
export function has(set: Codes, system: string, code: string): boolean {
  const part = set.get(system);
  return part !== undefined && part.codes.has(code) !== part.others;
}

function both(a: Part, b: Part): Part {
  const from = new Set([...(a.from ?? []), ...(b.from ?? [])]);
  if (a.others && b.others) return { others: true, codes: new Set([...a.codes, ...b.codes]), from };
  const [listed, other] = a.others ? [b, a] : [a, b];
  const codes = [...listed.codes].filter((code) => other.codes.has(code) !== other.others);
  return { others: false, codes: new Set(codes), from };
}

function either(a: Part, b: Part): Part {
  const neither = both({ ...a, others: !a.others }, { ...b, others: !b.others });
  return { ...neither, others: !neither.others };
}
