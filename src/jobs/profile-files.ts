/** Definitions in files, read when the server starts. https://hl7.org/fhir/R4/profiling.html */
import { constants } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import { parseJson } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, isResource, type Resource } from '../fhir/resource.ts';
import { describedDefinition, readDefinition } from '../search/definition.ts';
import { faultsOf } from '../search/definition-faults.ts';
import { filesBelow } from './directories.ts';
import { FiledDefinitions, ofFiles, ofPackages } from './filed-definitions.ts';
import type { PackageFiles } from './package-files.ts';
import type { FhirPackage } from './packages.ts';

/** What a text can hold: somewhat less than 512 MiB. */
const mostBytes = constants.MAX_STRING_LENGTH;

/** A resource and the file that has it. */
export interface FiledResource {
  /** Relative to the directory. */
  readonly file: string;
  readonly resource: Resource;
}

/** All definitions of a directory. */
export interface ProfileFiles {
  /** In JSON files. */
  readonly filed: readonly FiledResource[];
  readonly packages: readonly FhirPackage[];
  /** Both by canonical: what lies in files of its own goes before what a package has. */
  readonly definitions: FiledDefinitions;
}

/**
 * The definitions in the JSON files and FHIR packages (`.tgz`) of a directory and all below it, without what a dot hides. Throws Error
 * that names the file for JSON that can't be read; `packages` reports what can't be read of packages, and leaves it out.
 */
export async function readProfileFiles(directory: string, packages: PackageFiles): Promise<ProfileFiles> {
  const filed = readProfiles(directory);
  const read = await packages.read(directory, filesBelow(directory, '.tgz'));
  return { filed, packages: read, definitions: new FiledDefinitions([...ofFiles(filed), ...ofPackages(read)]) };
}

/**
 * The resources in the JSON files of a directory and all below it, those in Bundles too, in the order of the files' names.
 * Without the directory there are none. JSON that is no resource (a `package.json`) is left alone.
 * Throws Error that names the file for what is no JSON.
 */
export function readProfiles(directory: string): readonly FiledResource[] {
  return filesBelow(directory, '.json').flatMap((file) =>
    resourcesIn(directory, file).map((resource) => ({ file, resource })),
  );
}

/**
 * The active search parameters among resources that R4 doesn't have itself, those of packages after those of files.
 * Throws Error that names the file and the element of one in a file that can't be used; of packages, such ones are reported and left out.
 */
export function profiledParameters(
  filed: readonly FiledResource[],
  definitions: Definitions,
  packages: readonly FhirPackage[] = [],
  report: (text: string) => void = () => {},
): readonly SearchParameterDefinition[] {
  const found = parametersOf(filed, definitions);
  const all = found.map(({ definition }) => definition);
  for (const { file, definition } of found) {
    const others = all.filter((each) => each !== definition);
    const [fault] = faultsOf(definition, definitions, others);
    if (fault !== undefined) throw new Error(`${file}: SearchParameter.${fault.element}: ${fault.text}`);
  }
  for (const { file, definition } of parametersOf(packagedParameters(packages), definitions)) {
    // The same one may lie in a file, or in another version of its package.
    if (all.some(({ url }) => url === definition.url)) continue;
    const [fault] = faultsOf(definition, definitions, all);
    if (fault === undefined) all.push(definition);
    else report(`${file}: SearchParameter.${fault.element}: ${fault.text}`);
  }
  return all;
}

interface FiledParameter {
  readonly file: string;
  readonly definition: SearchParameterDefinition;
}

function parametersOf(filed: readonly FiledResource[], definitions: Definitions): readonly FiledParameter[] {
  return filed
    .filter(({ resource }) => resource.resourceType === 'SearchParameter')
    .map(({ file, resource }) => ({ file, written: readDefinition(resource) }))
    .filter(({ written }) => written.status === 'active' && describedDefinition(written, definitions) === undefined)
    .map(({ file, written }) => ({ file, definition: written.definition }));
}

function packagedParameters(packages: readonly FhirPackage[]): readonly FiledResource[] {
  return packages
    .flatMap(({ resources }) => resources)
    .filter(({ type }) => type === 'SearchParameter')
    .flatMap(({ file, content }) => {
      const resource = content();
      return isResource(resource) ? [{ file, resource }] : [];
    });
}

function resourcesIn(directory: string, file: string): readonly Resource[] {
  try {
    const { size } = statSync(join(directory, file));
    if (size > mostBytes) throw new Error(`it has more than ${mostBytes} bytes`);
    const { value } = parseJson(readFileSync(join(directory, file)));
    if (!isResource(value)) return [];
    if (value.resourceType !== 'Bundle' || !isArray(value.entry)) return [value];
    return value.entry.flatMap((entry) => (isObject(entry) && isResource(entry.resource) ? [entry.resource] : []));
  } catch (error) {
    const reason = error instanceof OutcomeError || error instanceof Error ? error.message : 'it could not be read';
    throw new Error(`${join(directory, file)}: ${reason}`);
  }
}
