/** Definitions in files, found by canonical. https://hl7.org/fhir/R4/references.html#canonical */
import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue, Resource } from '../fhir/resource.ts';
import { compareVersions } from '../search/canonical-target.ts';
import type { FhirPackage } from './packages.ts';

/** A definition that lies in a file or a package. */
export interface FiledDefinition {
  readonly file: string;
  readonly type: string;
  readonly url: string;
  readonly version: string | undefined;
  /** Parsed anew each time where it lies in a package. */
  readonly content: () => JsonObject;
  /** Whether its text has a piece that JSON writes in one way alone. */
  readonly mentions: (piece: string) => boolean;
  /** Changes with the content. */
  readonly key: () => string;
}

/** The definitions among resources of files, each with its file. */
export function ofFiles(
  filed: readonly { readonly file: string; readonly resource: Resource }[],
): readonly FiledDefinition[] {
  return filed.flatMap(({ file, resource }) => {
    const { resourceType: type, url, version } = resource;
    if (typeof url !== 'string') return [];
    const key = () => `${file} ${digest(JSON.stringify(resource))}`;
    const mentions = (piece: string) => JSON.stringify(resource).includes(piece);
    return [{ file, type, url, version: textOf(version), content: () => resource, mentions, key }];
  });
}

/** The definitions in packages. */
export function ofPackages(packages: readonly FhirPackage[]): readonly FiledDefinition[] {
  return packages
    .flatMap(({ resources }) => resources)
    .map(({ bytes, ...definition }) => ({
      ...definition,
      mentions: (piece) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(piece),
      key: () => `${definition.file} ${digest(bytes)}`,
    }));
}

const digest = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('base64url');
const textOf = (value: JsonValue | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** Definitions by type, url and version. Of several with the same, the first counts. */
export class FiledDefinitions {
  readonly all: readonly FiledDefinition[];
  readonly #byUrl = new Map<string, FiledDefinition[]>();

  constructor(all: readonly FiledDefinition[]) {
    this.all = all;
    for (const each of all) {
      const key = `${each.type} ${each.url}`;
      const known = this.#byUrl.get(key);
      if (known === undefined) this.#byUrl.set(key, [each]);
      else known.push(each);
    }
  }

  /** The one of that url; `version` undefined: the latest active one. A supplement of a code system is no code system. */
  find(type: string, url: string, version: string | undefined): { key: string; content: () => JsonObject } | undefined {
    const found = (this.#byUrl.get(`${type} ${url}`) ?? []).filter((each) => !isSupplement(each));
    const meant = version === undefined ? latest(found) : found.find((each) => each.version === version);
    return meant === undefined ? undefined : { key: meant.key(), content: meant.content };
  }
}

function isSupplement({ type, mentions, content }: FiledDefinition): boolean {
  // Most are told apart without being parsed.
  return type === 'CodeSystem' && mentions('"supplement"') && content().content === 'supplement';
}

function latest(found: readonly FiledDefinition[]): FiledDefinition | undefined {
  if (found.length < 2) return found[0];
  const isActive = (each: FiledDefinition): number => Number(each.content().status === 'active');
  return [...found].sort((a, b) => isActive(b) - isActive(a) || compareVersions(b.version, a.version))[0];
}
