/** A bit for each element of a type that a rule asks for, so that a check knows by one number which are there. https://hl7.org/fhir/R4/elementdefinition.html */
import type { TypeDefinition } from '../../fhir/definitions/definitions.ts';

/** Is always there. */
export const ALWAYS = 1 << 31;
/** Stands for all elements that no bit is left for. */
const OTHERS = 1 << 30;
const MOST = 30;

export interface Bits {
  /** The bit of an element by its name, or of a choice by its name without type; 0 for one that no rule asks for. */
  readonly of: (name: string) => number;
  /** All that must be there. */
  readonly required: number;
  readonly mandatory: readonly (readonly [name: string, bit: number])[];
}

/** `asked`: names of the elements that invariants read. */
export function bitsOf({ elements }: TypeDefinition, asked: ReadonlySet<string>): Bits {
  const bits = new Map<string, number>();
  const mandatory: [string, number][] = [];
  for (const { name, choice, min } of elements.values()) {
    const own = choice ?? name;
    if (min === 0 || bits.has(own)) continue;
    if (bits.size === MOST) throw new Error('more mandatory elements than bits');
    bits.set(own, 1 << bits.size);
    mandatory.push([own, 1 << (bits.size - 1)]);
  }
  const required = mandatory.reduce((sum, [, bit]) => sum | bit, 0);
  for (const { name, choice } of elements.values()) {
    const own = choice ?? name;
    if (!bits.has(own) && (asked.has(own) || asked.has(name)))
      bits.set(own, bits.size < MOST ? 1 << bits.size : OTHERS);
  }
  return { of: (name) => bits.get(name) ?? 0, required, mandatory };
}
