/** Definitions in files, read when the server starts. https://hl7.org/fhir/R4/profiling.html */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import { parseJson } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, isResource, type Resource } from '../fhir/resource.ts';
import { describedDefinition, readDefinition } from '../search/definition.ts';
import { faultsOf } from '../search/definition-faults.ts';

/** A resource and the file that has it. */
export interface FiledResource {
  /** Relative to the directory. */
  readonly file: string;
  readonly resource: Resource;
}

/**
 * The resources in the JSON files of a directory and all below it, those in Bundles too, in the order of the files' names.
 * Without the directory there are none. JSON that is no resource (a `package.json`) is left alone.
 * Throws Error that names the file for what is no JSON.
 */
export function readProfiles(directory: string): readonly FiledResource[] {
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort();
  return files.flatMap((file) => resourcesIn(directory, file).map((resource) => ({ file, resource })));
}

/**
 * The active search parameters among resources that R4 doesn't have itself.
 * Throws Error that names the file and the element of one that can't be used.
 */
export function profiledParameters(
  filed: readonly FiledResource[],
  definitions: Definitions,
): readonly SearchParameterDefinition[] {
  const found = filed
    .filter(({ resource }) => resource.resourceType === 'SearchParameter')
    .map(({ file, resource }) => ({ file, written: readDefinition(resource) }))
    .filter(({ written }) => written.status === 'active' && describedDefinition(written, definitions) === undefined);
  const all = found.map(({ written }) => written.definition);
  for (const { file, written } of found) {
    const others = all.filter((each) => each !== written.definition);
    const [fault] = faultsOf(written.definition, definitions, others);
    if (fault !== undefined) throw new Error(`${file}: SearchParameter.${fault.element}: ${fault.text}`);
  }
  return all;
}

function resourcesIn(directory: string, file: string): readonly Resource[] {
  try {
    const { value } = parseJson(readFileSync(join(directory, file)));
    if (!isResource(value)) return [];
    if (value.resourceType !== 'Bundle' || !isArray(value.entry)) return [value];
    return value.entry.flatMap((entry) => (isObject(entry) && isResource(entry.resource) ? [entry.resource] : []));
  } catch (error) {
    const reason = error instanceof OutcomeError || error instanceof Error ? error.message : 'it could not be read';
    throw new Error(`${join(directory, file)}: ${reason}`);
  }
}
