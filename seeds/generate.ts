/**
 * A small orthopaedic clinic, the same for the same seed: transaction Bundles that PUT resources with ids of their own,
 * so that loading them twice changes nothing. https://hl7.org/fhir/R4/http.html#transaction
 */
import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { createCourse } from './clinic/course.ts';
import type { SeedResource } from './clinic/elements.ts';
import { createPractice } from './clinic/practice.ts';
import { createRandom } from './clinic/random.ts';

export interface SeedBundle {
  /** The file's name without `.json`. */
  readonly name: string;
  readonly bundle: Bundle<SeedResource>;
}

export interface SeedOptions {
  readonly seed: number;
  readonly patients: number;
}

/** What `seeds/orthopaedic-clinic/` holds. */
export const committed: SeedOptions = { seed: 20_250_701, patients: 40 };

/** The clinic's own bundle first, then one for each patient. Patient `n` is the same however many follow. */
export function* generateClinic({ seed, patients }: SeedOptions): Generator<SeedBundle> {
  const practice = createPractice(createRandom(seed));
  yield { name: '000-clinic', bundle: transaction(practice.resources) };
  const digits = Math.max(3, String(patients).length);
  for (let number = 1; number <= patients; number += 1) {
    const id = `patient-${String(number).padStart(digits, '0')}`;
    // A stream of its own for each patient, so that a change in one leaves the others as they are.
    const random = createRandom(seed + number * 7919);
    yield {
      name: `${id.replace('patient-', '')}-patient`,
      bundle: transaction(createCourse(random, id, number, practice)),
    };
  }
}

/** The text of a bundle's file: one entry a line, so that differences can be read. */
export function seedText(bundle: Bundle<SeedResource>): string {
  const entries = (bundle.entry ?? []).map((entry) => JSON.stringify(entry)).join(',\n');
  return `{"resourceType":"Bundle","type":"${bundle.type}","entry":[\n${entries}\n]}\n`;
}

function transaction(resources: readonly SeedResource[]): Bundle<SeedResource> {
  const entry = resources.map(
    (resource): BundleEntry<SeedResource> => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }),
  );
  return { resourceType: 'Bundle', type: 'transaction', entry };
}
