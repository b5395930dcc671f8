/** How canonical URLs lead to resources. https://hl7.org/fhir/R4/references.html#canonical */
import type { CanonicalTarget, CanonicalTest, Criterion } from './criteria.ts';
import type { IndexEntry, IndexValue } from './entry.ts';
import { foldToken } from './normalise.ts';
import type { ParameterRegistry } from './registry.ts';

/** The parameters of a type that hold its own URL and version; undefined for a type without a URL. */
export function canonicalTarget(type: string, registry: ParameterRegistry): CanonicalTarget | undefined {
  const url = registry.get(type, 'url');
  if (url?.kind !== 'uri') return undefined;
  const version = registry.get(type, 'version');
  return { type, url: url.parameter, version: version?.kind === 'token' ? version.parameter : undefined };
}

/** A canonical's URL and version, without the fragment; the version is undefined where none is named. */
export function splitCanonical(canonical: string): { readonly url: string; readonly version: string | undefined } {
  const [url = '', version] = canonical.split('#')[0]?.split('|') ?? [];
  return { url, version };
}

const versions = new Intl.Collator('en', { numeric: true });

/** Orders versions of resources: numbers by size, other parts as text; what has no version comes first. */
export function compareVersions(a: unknown, b: unknown): number {
  const [left = '', right = ''] = [a, b].map((each) => (typeof each === 'string' ? each : ''));
  return versions.compare(left, right);
}

/** Whether a canonical names the resource with these entries: its URL, and its version unless none is named. */
export function names(canonical: string, target: CanonicalTarget, entries: readonly IndexEntry[]): boolean {
  const { url, version } = splitCanonical(canonical);
  const texts = (code: string | undefined): readonly string[] =>
    entries.filter(({ parameter }) => parameter === code).map(({ value }) => textOf(value));
  if (!texts(target.url.code).includes(url)) return false;
  if (version === undefined) return true;
  return texts(target.version?.code).map(foldToken).includes(foldToken(version));
}

/** Whether a canonical names a URL with a version. */
export function namesVersion(canonical: string, { url, version }: CanonicalTest): boolean {
  const split = splitCanonical(canonical);
  return split.url === url && split.version !== undefined && foldToken(split.version) === version;
}

/** The criterion on resources that canonicals lead to. */
export function namedBy(canonicals: readonly string[], { url, version }: CanonicalTarget): Criterion {
  const of = canonicals.map((canonical): Criterion => {
    const split = splitCanonical(canonical);
    const named: Criterion = {
      kind: 'value',
      parameter: url,
      anyOf: [{ kind: 'uri', match: 'exact', value: split.url }],
    };
    if (split.version === undefined) return named;
    if (version === undefined) return { kind: 'or', of: [] };
    const code = foldToken(split.version);
    return {
      kind: 'and',
      of: [named, { kind: 'value', parameter: version, anyOf: [{ kind: 'token', code, fold: true }] }],
    };
  });
  return { kind: 'or', of };
}

function textOf(value: IndexValue): string {
  return value.kind === 'uri' || value.kind === 'identifier' || value.kind === 'token' ? value.value : '';
}
