/** Canonicals that lead to resources, and resources that canonicals lead to. https://hl7.org/fhir/R4/references.html#canonical */
import { splitCanonical } from '../../../search/canonical-target.ts';
import type { CanonicalTarget, CanonicalTest, Parameter } from '../../../search/criteria.ts';
import { foldToken } from '../../../search/normalise.ts';
import { TooCostly } from '../../errors.ts';
import { anyOf, beginsWith } from '../filter.ts';
import { type Condition, type Context, certain } from './condition.ts';
import type { Element } from './element.ts';

/** Resources whose URLs are looked up, at most. */
const mostNamed = 2000;

/** Without case no index finds a version: canonicals of the URL are looked at. */
export function canonical(tests: readonly CanonicalTest[]): Element {
  const urls = new Set(tests.map(({ url }) => url));
  return { anyOf: [...urls].map((url) => ({ u: beginsWith(`${url}|`) })), exact: false };
}

/** The canonicals of a parameter that lead to resources which pass. Throws TooCostly where these are too many. */
export async function canonicalsOf(
  passing: Condition,
  { url, version }: CanonicalTarget,
  there: Context,
  field: string,
  context: Context,
): Promise<readonly string[]> {
  const [urlField, versionField] = [there.fieldOf(url), version && there.fieldOf(version)];
  if (urlField === undefined) return [];
  const paths = [urlField, ...(versionField === undefined ? [] : [versionField])].map((each) => `index.${each}`);
  const versionsOf = new Map<string, Set<string>>();
  let named = 0;
  for await (const document of there.read(passing, paths)) {
    const urls = textsAt(document, urlField, 'u');
    if (urls.length > 0) named++;
    if (named > mostNamed) throw tooMany();
    const versions = versionField === undefined ? [] : textsAt(document, versionField, 'c');
    for (const each of urls) {
      const known = versionsOf.get(each) ?? new Set();
      versionsOf.set(each, known);
      for (const number of versions) known.add(foldToken(number));
    }
  }
  const values = new Set<string>();
  for (const value of await valuesNaming([...versionsOf.keys()], field, context)) {
    const split = splitCanonical(value);
    const known = versionsOf.get(split.url);
    if (known !== undefined && (split.version === undefined || known.has(foldToken(split.version)))) values.add(value);
  }
  return [...values];
}

/** The values of a field that are one of the URLs, or go on with a version or a fragment. */
async function valuesNaming(urls: readonly string[], field: string, context: Context): Promise<ReadonlySet<string>> {
  const values = new Set<string>(urls);
  if (urls.length === 0) return values;
  const path = `index.${field}`;
  context.uses(`${path}.u`);
  const longer = urls.flatMap((url) =>
    ['|', '#'].map((mark) => ({ [path]: { $elemMatch: { u: beginsWith(url + mark) } } })),
  );
  for await (const document of context.read({ ...certain, filter: anyOf(longer) }, [`${path}.u`])) {
    for (const value of textsAt(document, field, 'u')) values.add(value);
  }
  return values;
}

/** The canonicals that resources which pass have as values of a parameter. */
export async function canonicalsIn(
  passing: Condition,
  parameter: Parameter,
  there: Context,
): Promise<readonly string[]> {
  const field = there.fieldOf(parameter);
  if (field === undefined) return [];
  const found = new Set<string>();
  for await (const document of there.read(passing, [`index.${field}.u`])) {
    for (const value of textsAt(document, field, 'u')) found.add(value);
    if (found.size > mostNamed) throw tooMany();
  }
  return [...found];
}

/** The texts that a document's values of a field have in one of their parts. */
export function textsAt(document: object, field: string, part: string): readonly string[] {
  const index: unknown = Reflect.get(document, 'index');
  const values: unknown = typeof index === 'object' && index !== null ? Reflect.get(index, field) : undefined;
  if (!Array.isArray(values)) return [];
  return values.flatMap((value: unknown) => {
    const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined;
    return typeof text === 'string' ? [text] : [];
  });
}

function tooMany(): TooCostly {
  return new TooCostly(`A chain through canonical URLs leads over more than ${mostNamed} resources: narrow its end.`);
}
