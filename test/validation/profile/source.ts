/** Where validation finds definitions in tests: some resources, published packages, and R4. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import { builtInStructure } from '../../../src/fhir/definitions/structures.ts';
import { OutcomeError } from '../../../src/fhir/outcome.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { FiledDefinitions, ofFiles, ofPackages } from '../../../src/jobs/filed-definitions.ts';
import { readPackage } from '../../../src/jobs/packages.ts';
import { builtIn } from '../../../src/terminology/built-in.ts';
import { readCodeSystem } from '../../../src/terminology/code-system.ts';
import { expandValueSet } from '../../../src/terminology/expand.ts';
import { MemoryConcepts } from '../../../src/terminology/memory-concepts.ts';
import { definitionFault } from '../../../src/validation/profile/checks.ts';
import { type CodeSet, type ValidationSource, Validator } from '../../../src/validation/validator.ts';

const data = process.env.OSTEON_TEST_DATA ?? '../shared/data';
export const usCore = join(data, 'us-core/hl7.fhir.us.core-6.1.0.tgz');
export const ips = join(data, 'ips/hl7.fhir.uv.ips-1.1.0.tgz');
export const cases = join(data, 'validator/cases.ndjson');

/** Whether the published packages are there; says so if not. */
export function haveData(...files: readonly string[]): boolean {
  const absent = files.filter((file) => !existsSync(file));
  if (absent.length > 0) console.warn(`Skipped: ${absent.join(', ')} is absent; set OSTEON_TEST_DATA to run this`);
  return absent.length === 0;
}

/** Nothing of a published package is left out. */
function whole(fault: string): never {
  throw new Error(fault);
}

export async function packaged(...files: readonly string[]): Promise<FiledDefinitions> {
  return new FiledDefinitions(ofPackages(await Promise.all(files.map((file) => readPackage(file, file, whole)))));
}

export function filed(...resources: readonly Resource[]): FiledDefinitions {
  return new FiledDefinitions(ofFiles(resources.map((resource, index) => ({ file: `${index}.json`, resource }))));
}

/** Finds in these definitions, and in R4. */
export function sourceOf(definitions: Pick<FiledDefinitions, 'find'>): ValidationSource {
  const find = (type: string, canonical: string): JsonObject | undefined => {
    const [url = '', version] = canonical.split('|');
    return definitions.find(type, url, version)?.content();
  };
  const terms = {
    valueSet: async (canonical: string) =>
      find('ValueSet', canonical) ?? builtIn('ValueSet', canonical.split('|')[0] ?? ''),
    codeSystem: async (canonical: string) => {
      const found = find('CodeSystem', canonical) ?? builtIn('CodeSystem', canonical.split('|')[0] ?? '');
      return found === undefined ? undefined : new MemoryConcepts(readCodeSystem(found), () => []);
    },
  };
  return {
    structureDefinition: async (canonical) =>
      find('StructureDefinition', canonical) ?? builtInStructure(canonical.split('|')[0] ?? ''),
    valueSet: async (canonical) => {
      try {
        const sets = new Map(
          (await expandValueSet(canonical, terms)).map(({ system, codes }) => [system, codes && new Set(codes)]),
        );
        return codeSet(sets);
      } catch (error) {
        if (error instanceof OutcomeError) return undefined;
        throw error;
      }
    },
  };
}

function codeSet(sets: ReadonlyMap<string, ReadonlySet<string> | undefined>): CodeSet {
  return {
    has: (system, code) => {
      if (system !== undefined) return sets.has(system) ? sets.get(system)?.has(code) : false;
      const all = [...sets.values()];
      return all.some((codes) => codes?.has(code)) || (all.includes(undefined) ? undefined : false);
    },
  };
}

export function validatorOf(definitions: Pick<FiledDefinitions, 'find'>): Validator {
  return new Validator(loadDefinitions(), sourceOf(definitions));
}

/** Why a StructureDefinition can't be used beside these definitions. */
export function faultOf(
  definition: JsonObject,
  definitions: Pick<FiledDefinitions, 'find'>,
  budget = 10_000,
): Promise<string | undefined> {
  return definitionFault(definition, budget, loadDefinitions(), sourceOf(definitions));
}

/** `error slicing Observation.category`, for what tells of the issues; only those of the rules of profiles where `level` is. */
export async function issuesOf(
  validator: Validator,
  resource: Resource,
  severities: readonly string[] = ['error'],
): Promise<readonly string[]> {
  const issues = await validator.validate({ resource, level: 'profiles', budget: 60_000 });
  return issues
    .filter(({ severity }) => severities.includes(severity))
    .map(({ severity, details, expression }) => `${severity} ${details?.coding[0].code} ${expression?.join()}`);
}

const base = 'http://osteon.example/StructureDefinition/';

/** A profile of a type with this differential, named `test` where nothing else is said. */
export function profileOf(
  type: string,
  element: readonly JsonObject[],
  { name = 'test', ...more }: { readonly name?: string } & JsonObject = {},
): Resource {
  return {
    resourceType: 'StructureDefinition',
    url: `${base}${name}`,
    name,
    status: 'active',
    kind: 'resource',
    abstract: false,
    type,
    baseDefinition: `http://hl7.org/fhir/StructureDefinition/${type}`,
    derivation: 'constraint',
    differential: { element: [{ id: type, path: type }, ...element] },
    ...more,
  };
}

/** The url of a profile that `profileOf` makes. */
export const urlOf = (name = 'test'): string => `${base}${name}`;

/** An Observation that names the profile `test`. */
export function observation(more: JsonObject, profile = urlOf()): Resource {
  return {
    resourceType: 'Observation',
    meta: { profile: [profile] },
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' },
    status: 'final',
    code: { text: 'x' },
    ...more,
  };
}
