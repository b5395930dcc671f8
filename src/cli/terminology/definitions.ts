/** Terminology resources in JSON files and in FHIR packages. https://hl7.org/fhir/R4/terminology-module.html */
import { parseJson } from '../../fhir/json.ts';
import { OutcomeError } from '../../fhir/outcome.ts';
import { isResource, type Resource } from '../../fhir/resource.ts';
import { packagedFiles } from '../../jobs/packages.ts';
import { UnreadableFile } from '../import/sources.ts';
import { UnusableRelease } from './release.ts';
import { bytesOf } from './text-lines.ts';

/** A resource with the bytes it was read from. */
export interface Definition {
  /** The file, and what it is called in a package. */
  readonly path: string;
  readonly resource: Resource;
  readonly bytes: Uint8Array;
}

const kinds: ReadonlySet<string> = new Set(['CodeSystem', 'ValueSet', 'ConceptMap']);

/** The resource of a JSON file. `named`: a person named the file, so that one which is none of terminology is an UnusableRelease. */
export async function* definitionIn(
  path: string,
  named: boolean,
  onRead: (bytes: number) => void,
): AsyncGenerator<Definition> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(path, onRead)) chunks.push(chunk);
  const found = definitionOf(path, Buffer.concat(chunks));
  if (found !== undefined) yield found;
  else if (named) throw new UnusableRelease(`${path} is no CodeSystem, ValueSet or ConceptMap.`);
}

/** The CodeSystems, ValueSets and ConceptMaps of a package, one after the other as they lie in it. */
export async function* definitionsIn(path: string, onRead: (bytes: number) => void): AsyncGenerator<Definition> {
  try {
    for await (const { name, bytes } of packagedFiles(bytesOf(path, onRead))) {
      const found = definitionOf(`${path}: package/${name}`, bytes);
      if (found !== undefined) yield found;
    }
  } catch (error) {
    if (error instanceof UnusableRelease) throw error;
    throw new UnreadableFile(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** undefined for other resources, and JSON that is none. */
function definitionOf(path: string, bytes: Uint8Array): Definition | undefined {
  try {
    const { value } = parseJson(bytes);
    return isResource(value) && kinds.has(value.resourceType) ? { path, resource: value, bytes } : undefined;
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    throw new UnusableRelease(`${path}: ${error.issues.map(({ diagnostics }) => diagnostics).join(' ')}`);
  }
}

async function* chunksOf(path: string, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  try {
    yield* bytesOf(path, onRead);
  } catch (error) {
    throw new UnreadableFile(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
