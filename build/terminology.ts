/** Cuts R4's code systems, value sets and concept maps from their package down to `dist/terminology.ndjson`. https://hl7.org/fhir/R4/downloads.html */
import { Lines, readBundle } from './r4-files.ts';

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

const types = ['CodeSystem', 'ValueSet', 'ConceptMap'] as const;
const lines = new Lines<(typeof types)[number]>({ CodeSystem: {}, ValueSet: {}, ConceptMap: {} });
const files = ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json', 'conceptmaps.json'];
for (const resource of files.flatMap((file) => readBundle<Source>(file))) {
  const type = types.find((each) => each === resource.resourceType);
  if (type !== undefined && typeof resource.url === 'string') lines.add(type, resource.url, cut(resource));
}
lines.write('terminology.ndjson');
