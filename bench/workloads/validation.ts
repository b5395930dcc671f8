/** What checking resources costs an import: without, by R4's own rules, and by profiles too. https://hl7.org/fhir/R4/validation.html */
import type { Bench } from './bench.ts';
import { placeOf, removeStore, wants } from './bench.ts';
import { importByCommand } from './imports.ts';

const levels = ['off', 'base', 'profiles'] as const;

/** Of the rate without. */
const baseTarget = 0.6;

/** Loads the data once for each setting of VALIDATION, without audit. Bundles that are refused are part of the work. */
export async function validation(bench: Bench): Promise<void> {
  if (!wants(bench, 'validation')) return;
  let without: number | undefined;
  for (const level of levels) {
    const place = placeOf(bench, `validation-${level}`);
    bench.say(`loading ${bench.data.resources} resources by command line, VALIDATION=${level}`);
    const { wal: _, ...imported } = await importByCommand(bench, place, 'off', [bench.data.file], level);
    without ??= imported.value;
    bench.add({
      workload: `import by command line, VALIDATION=${level}`,
      ...imported,
      ...(level === 'off' ? {} : { ceiling: { name: 'without validation', value: without } }),
      ...(level === 'base' ? { target: { of: 'ratio' as const, bound: 'least' as const, value: baseTarget } } : {}),
    });
    removeStore(place);
  }
}
