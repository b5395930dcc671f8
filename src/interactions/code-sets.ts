/** The codes of value sets, for bindings. https://hl7.org/fhir/R4/terminologies.html#binding */
import { OutcomeError } from '../fhir/outcome.ts';
import { readCodeSystem } from '../terminology/code-system.ts';
import { expandValueSet } from '../terminology/expand.ts';
import type { CodeSet } from '../validation/validator.ts';
import { findCanonical } from './canonical.ts';
import type { Context } from './context.ts';

/** The codes of a value set; undefined where there is none of that canonical. */
export async function codeSetOf(context: Context, canonical: string): Promise<CodeSet | undefined> {
  try {
    const parts = await expandValueSet(canonical, {
      valueSet: async (each) => (await findCanonical(context, 'ValueSet', each))?.content(),
      codeSystem: async (each) => {
        const found = await findCanonical(context, 'CodeSystem', each);
        return found && readCodeSystem(found.content());
      },
    });
    const bySystem = new Map(parts.map(({ system, codes }) => [system, codes && new Set(codes)]));
    return {
      has: (system, code) => {
        if (system === undefined) return [...bySystem.values()].some((codes) => codes === undefined || codes.has(code));
        if (!bySystem.has(system)) return false;
        const codes = bySystem.get(system);
        return codes === undefined ? undefined : codes.has(code);
      },
    };
  } catch (error) {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  }
}
