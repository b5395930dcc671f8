/** Filters find what the same ordinary parameters find. https://hl7.org/fhir/R4/search_filter.html */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../../src/fhir/json.ts';
import { isResource } from '../../../src/fhir/resource.ts';
import { type Indexed, matches } from '../../../src/search/match.ts';
import { split, takePrefix, unescaped } from '../../../src/search/parse/value.ts';
import { arbitraryQuery, arbitraryResources } from '../../http/random-resources.ts';
import { extract, now, registry, search } from '../setup.ts';

/** A parameter of a query as a filter; undefined for modifiers that filters don't have. */
function filterOf(type: string, [name, text]: readonly [string, string]): string | undefined {
  const [code = '', modifier] = name.split(':');
  const kind = registry.get(type, code)?.kind;
  const quoted = (value: string) => JSON.stringify(value);
  if (modifier === 'missing') return `${code} pr ${text === 'true' ? 'false' : 'true'}`;
  const alternatives = split(text, ',').map((value) => {
    switch (kind) {
      case 'string':
        return modifier === 'exact'
          ? undefined
          : `${code} ${modifier === 'contains' ? 'co' : 'sw'} ${quoted(unescaped(value))}`;
      case 'date':
      case 'number':
      case 'quantity': {
        const { prefix, text: rest } = takePrefix(value);
        return `${code} ${prefix} ${quoted(rest)}`;
      }
      case 'reference':
        return modifier === undefined ? `${code} re ${quoted(unescaped(value))}` : undefined;
      case 'uri':
        return `${code} eq ${quoted(unescaped(value))}`;
      default:
        return `${code} eq ${quoted(value)}`;
    }
  });
  if (alternatives.includes(undefined)) return undefined;
  const any = `(${alternatives.join(' or ')})`;
  return modifier === 'not' ? `not ${any}` : any;
}

type Resources = typeof arbitraryResources extends fc.Arbitrary<infer T> ? T : never;

function indexed(resources: Resources, type: string): readonly Indexed[] {
  return resources
    .filter((each) => each.type === type)
    .map(({ id, text }) => {
      const { indexed: resource } = parseJson(Buffer.from(text));
      if (!isResource(resource)) throw new Error('a resource');
      return { type, id, lastUpdated: now, entries: extract(resource) };
    });
}

function found(type: string, parameters: readonly (readonly [string, string])[], among: readonly Indexed[]) {
  const query = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString();
  const [part] = search(type, query).parts;
  if (part === undefined) throw new Error('one type is searched');
  return among.filter((each) => matches(part.criterion, each)).map(({ id }) => id);
}

test('a filter is its parameters, joined', () => {
  let compared = 0;
  fc.assert(
    fc.property(arbitraryResources, arbitraryQuery, fc.boolean(), (resources, { type, criteria }, any) => {
      const among = indexed(resources, type);
      const pairs = criteria.flatMap((pair) => {
        const filter = filterOf(type, pair);
        return filter === undefined ? [] : [{ pair, filter }];
      });
      if (pairs.length === 0) return;
      const filter = pairs.map((each) => each.filter).join(any ? ' or ' : ' and ');
      const each = pairs.map(({ pair }) => found(type, [pair], among));
      const expected = among
        .map(({ id }) => id)
        .filter((id) => (any ? each.some((ids) => ids.includes(id)) : each.every((ids) => ids.includes(id))));
      expect(found(type, [['_filter', filter]], among), filter).toEqual(expected);
      const opposite = among.map(({ id }) => id).filter((id) => !expected.includes(id));
      expect(found(type, [['_filter', `not (${filter})`]], among), filter).toEqual(opposite);
      compared += 1;
    }),
    { numRuns: 400 },
  );
  expect(compared).toBeGreaterThan(100);
});
