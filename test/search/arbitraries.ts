/**
 * Random index entries, criteria and sorts over the same few values, so that most criteria hold for some resources and
 * not for others. Stores are tested against `search/match.ts` with them.
 */
import fc from 'fast-check';
import { decimalKey } from '../../src/fhir/decimal.ts';
import { textSystem } from '../../src/search/companion.ts';
import { containedType } from '../../src/search/contained.ts';
import type {
  CanonicalTarget,
  CanonicalTest,
  ComponentKind,
  CompositeTest,
  Criterion,
  IntervalTest,
  NearTest,
  Parameter,
  Relevance,
  SimpleTest,
  SortBy,
  SortKey,
  StringTest,
  ValueTest,
  WordsQuery,
} from '../../src/search/criteria.ts';
import {
  type ContainedEntries,
  DATE_MAX,
  DATE_MIN,
  type IndexEntry,
  type IndexValue,
  type SimpleValue,
} from '../../src/search/entry.ts';
import type { Indexed } from '../../src/search/match.ts';
import { normaliseString } from '../../src/search/normalise.ts';
import { boundary, type Words } from '../../src/search/words.ts';

/** The types of the random resources. Both have the same parameters. */
export const types = ['Observation', 'Patient'] as const;

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
const systems = ['', 'http://loinc.org', 'urn:s'] as const;
const codes = ['8480-6', 'abc', 'ABC', 'Abd', 'ü', '2', ''] as const;
const texts = [
  'Ann',
  'ann lee',
  'Änn',
  "O'Neil",
  'Lee',
  'anna',
  'zoë',
  '100% x_y',
  '李',
  '\u{1f600}',
  '\ufb01n',
] as const;
const dates = [DATE_MIN, -1e12, 0, 0.5, 1, 1_000, 1_577_836_800_000, 1_609_459_200_000, DATE_MAX] as const;
const numbers = ['-1e3', '-1.5', '0', '0.1', '1', '2', '10', '1e20', '123456789012345678901234567890.5'] as const;
const urls = [
  ...['http://a/x', 'http://a/x|1.0', 'http://a/x|2', 'http://a/x|B', 'http://a/x|b#c', 'http://a/x/y', 'http://b'],
  'urn:oid:1.2.3',
] as const;
/** What such urls may begin with. */
const beginnings = ['http://a/', 'http://a/x/', 'http://a/x|', 'http://a/x|1.', 'http://c/'] as const;
/** Units of mass and temperature, one that UCUM doesn't have, and none; more than a search has stretches of an index. */
const units = [
  ...['mg', 'kg', 'g', 'ug', 'ng', 'dg', 'cg', 'hg', 'dag', 't', '[lb_av]', '[oz_av]', 'Cel', '[degF]', 'K'],
  ...['MG', 'mg', ''],
] as const;
const latitudes = [-90, -17.8, 0, 48.137, 48.371, 90] as const;
const longitudes = [-180, -179.9, 0, 11.575, 10.898, 179.9] as const;
const unitSystems = ['', 'urn:s', 'http://unitsofmeasure.org', 'http://unitsofmeasure.org'] as const;

/** The instants (milliseconds since 1970) that `lastUpdated` criteria compare with. */
export const instants = [1_000, 2_000, 3_000, 4_000] as const;

const decimals = numbers.map((text) => decimalKey(text)).sort();

const stringMatches = ['starts', 'contains', 'exact', 'starts', 'ends', 'equal', '<', '<=', '>', '>='] as const;

type SimpleKind = ComponentKind['kind'];

function parameter(code: string, kind: Parameter['kind'], more: Partial<Parameter> = {}): Omit<Parameter, 'type'> {
  return { code, kind, multiple: true, textual: false, components: [], ...more };
}

function composite(code: string, ...components: readonly ComponentKind[]): Omit<Parameter, 'type'> {
  return parameter(code, 'composite', { components });
}

const component = (kind: SimpleKind, textual = false): ComponentKind => ({ kind, textual });

const untyped: readonly Omit<Parameter, 'type'>[] = [
  parameter('code', 'token'),
  parameter('status', 'token', { multiple: false }),
  parameter('identifier', 'token', { textual: true }),
  parameter('code:text', 'token'),
  parameter('near', 'special'),
  parameter('name', 'string'),
  parameter('title', 'string', { multiple: false }),
  parameter('date', 'date'),
  parameter('birthdate', 'date', { multiple: false }),
  parameter('probability', 'number'),
  parameter('value-quantity', 'quantity'),
  parameter('subject', 'reference', { multiple: false }),
  parameter('performer', 'reference'),
  parameter('url', 'uri'),
  composite('code-value-quantity', component('token'), component('quantity')),
  composite('code-value-date', component('token'), component('date')),
  composite('id-value-string', component('token', true), component('string')),
  composite('code-reference-uri', component('token'), component('reference'), component('uri')),
  composite('number-number', component('number'), component('number')),
];

/** The parameters that random resources of a type may have values of. */
export function parametersOf(type: string): readonly Parameter[] {
  return untyped.map((each) => ({ ...each, type }));
}

const pick = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

function ordered<T extends number | string>(values: readonly T[]): fc.Arbitrary<{ low: T; high: T }> {
  return fc.tuple(pick(values), pick(values)).map(([a, b]) => (a <= b ? { low: a, high: b } : { low: b, high: a }));
}

function simpleValue(kind: SimpleKind, textual: boolean): fc.Arbitrary<SimpleValue> {
  switch (kind) {
    case 'token': {
      const value = pick(codes.filter((code) => code !== ''));
      return fc.record({ kind: fc.constant(textual ? 'identifier' : 'token'), system: pick(systems), value });
    }
    case 'string':
      return fc.tuple(pick(texts), fc.boolean()).map(([text, whole]) => {
        return { kind: 'string', norm: normaliseString(text), exact: whole ? text : null };
      });
    case 'date':
      return ordered(dates).map((range) => ({ kind: 'date', ...range }));
    case 'number':
      return pick(decimals).map((value) => ({ kind: 'number', low: value, high: value }));
    case 'quantity':
      return fc
        .record({ range: ordered(decimals), system: pick(unitSystems), code: pick(units), unit: pick(units) })
        .map(({ range, ...rest }) => ({ kind: 'quantity', ...range, ...rest }));
    case 'reference':
      return fc.record({
        kind: fc.constant('reference'),
        type: pick(types),
        id: pick(ids),
        version: pick(['', '', '3']),
      });
    case 'uri':
      return pick(urls).map((value) => ({ kind: 'uri', value }));
  }
}

function anyValue({ code, kind, textual, components }: Omit<Parameter, 'type'>): fc.Arbitrary<IndexValue> {
  if (code.endsWith(':text')) {
    return pick(texts).map((text) => ({ kind: 'token', system: textSystem, value: normaliseString(text) }));
  }
  if (kind === 'special') {
    return fc.record({ kind: fc.constant('position'), latitude: pick(latitudes), longitude: pick(longitudes) });
  }
  if (kind === 'composite') {
    const parts = components.map((part) => simpleValue(part.kind, part.textual));
    return fc.tuple(...parts).map((values) => ({ kind: 'composite', components: values }));
  }
  if (kind !== 'reference') return simpleValue(kind, textual);
  return fc.oneof(
    { weight: 4, arbitrary: simpleValue('reference', false) },
    { weight: 1, arbitrary: simpleValue('uri', false) },
    { weight: 1, arbitrary: simpleValue('token', true) },
  );
}

function entriesOf(each: Omit<Parameter, 'type'>): fc.Arbitrary<readonly IndexEntry[]> {
  return fc
    .uniqueArray(anyValue(each), { maxLength: each.multiple ? 3 : 1, selector: (value) => JSON.stringify(value) })
    .map((values) => withWhole(values).map((value) => ({ parameter: each.code, value })));
}

/** Words of strings come beside a text that has them. */
function withWhole(values: readonly IndexValue[]): readonly IndexValue[] {
  const [first, ...rest] = values;
  if (first?.kind !== 'string' || values.some((value) => value.kind !== 'string' || value.exact !== null))
    return values;
  return [{ ...first, exact: first.norm }, ...rest];
}

/** What a resource may be indexed by: at most one value for parameters that aren't `multiple`. */
export const arbitraryEntries: fc.Arbitrary<readonly IndexEntry[]> = fc
  .tuple(...untyped.map(entriesOf))
  .map((lists) => lists.flat());

const vocabulary = ['bone', 'bo', 'liver', 'lee', 'zoe', '8480', '6', '骨', '折', 'ss'] as const;

/** A few texts of a few words; stores are given them as a narrative and as extensions. */
export const arbitraryWords: fc.Arbitrary<Words> = fc
  .tuple(
    fc.array(pick(vocabulary), { maxLength: 4 }),
    fc.array(fc.array(pick(vocabulary), { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
  )
  .map(([narrative, texts]) => {
    return { narrative, content: texts.flatMap((words, n) => (n === 0 ? words : [boundary, ...words])) };
  });

/** A query on those words. */
export function arbitraryWordsQuery(depth = 2): fc.Arbitrary<WordsQuery> {
  const words = fc
    .record({ words: fc.array(pick([...vocabulary, 'nothing']), { minLength: 1, maxLength: 2 }), prefix: fc.boolean() })
    .map((each): WordsQuery => ({ kind: 'words', ...each }));
  if (depth === 0) return words;
  const part = arbitraryWordsQuery(depth - 1);
  return fc.oneof(
    { weight: 3, arbitrary: words },
    {
      weight: 2,
      arbitrary: fc
        .tuple(pick(['and', 'or'] as const), fc.array(part, { minLength: 2, maxLength: 3 }))
        .map(([kind, of]): WordsQuery => ({ kind, of })),
    },
    fc.tuple(part, part).map(([of, but]): WordsQuery => ({ kind: 'except', of, but })),
  );
}

/** None, or up to two resources in another. */
const arbitraryContained: fc.Arbitrary<readonly ContainedEntries[] | undefined> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.uniqueArray(fc.record({ type: pick(types), id: pick(['p', 'q']), entries: arbitraryEntries }), {
      minLength: 1,
      maxLength: 2,
      selector: ({ id }) => id,
    }),
  },
);

/** Makes references of a version lead to what is contained. */
function linked(entries: readonly IndexEntry[], contained: readonly ContainedEntries[]): readonly IndexEntry[] {
  const found = new Map<string, IndexEntry>();
  for (const { parameter: code, value } of entries) {
    const target =
      value.kind === 'reference' && value.version !== '' ? contained.at(value.id < 'd' ? 0 : -1) : undefined;
    const entry: IndexEntry = {
      parameter: code,
      value: target ? { kind: 'reference', type: containedType(target.type), id: target.id, version: '' } : value,
    };
    found.set(JSON.stringify(entry), entry);
  }
  return [...found.values()];
}

const arbitraryResource: fc.Arbitrary<Indexed> = fc
  .record({
    type: pick(types),
    id: pick(ids),
    lastUpdated: pick(instants),
    entries: arbitraryEntries,
    contained: arbitraryContained,
    words: arbitraryWords,
  })
  .map(({ entries, contained, ...rest }): Indexed => {
    if (contained === undefined) return { ...rest, entries };
    const inside = contained.map((each) => ({ ...each, entries: linked(each.entries, contained) }));
    return { ...rest, entries: linked(entries, contained), contained: inside };
  });

/** At least so many resources of both types, at most sixteen, none twice. */
export function resourcesFrom(minLength: number): fc.Arbitrary<readonly Indexed[]> {
  return fc.uniqueArray(arbitraryResource, { minLength, maxLength: 16, selector: ({ type, id }) => `${type}/${id}` });
}

/** Up to sixteen resources of both types, none twice. A store that sets `lastUpdated` itself ignores theirs. */
export const arbitraryResources: fc.Arbitrary<readonly Indexed[]> = resourcesFrom(0);

function interval<V extends number | string>(values: readonly V[]): fc.Arbitrary<IntervalTest<V>> {
  const comparison = fc.record({
    end: pick(['low', 'high'] as const),
    operator: pick(['<', '<=', '>', '>='] as const),
    value: pick(values),
  });
  return fc.array(fc.array(comparison, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 });
}

function simpleTest(kind: SimpleKind, textual: boolean): fc.Arbitrary<SimpleTest> {
  switch (kind) {
    case 'token':
      return fc
        .record({
          system: fc.option(pick(systems)),
          code: fc.option(pick(codes)),
          fold: fc.boolean(),
          length: fc.integer({ min: -4, max: 3 }),
        })
        .map(({ system, code, fold, length }) => ({
          kind: 'token',
          // Text tokens are folded, where they are, when they are indexed.
          fold: fold && !textual,
          ...(system !== null && { system }),
          ...(code !== null && { code }),
          ...(code && length > 0 && { code: code.slice(0, length), begins: true as const }),
          ...(system === null && code === null && { system: '' }),
        }));
    case 'string':
      return fc.tuple(pick(stringMatches), pick(texts), fc.nat({ max: 3 })).map(([match, text, length]): StringTest => {
        const whole = match === 'exact' ? text : normaliseString(text);
        if (match === 'exact' || match === 'equal' || length === 0) return { kind: 'string', match, value: whole };
        const characters = [...whole];
        const part = match === 'ends' ? characters.slice(-length) : characters.slice(0, length);
        return { kind: 'string', match, value: part.join('') };
      });
    case 'date':
      return interval<number>(dates).map((test) => ({ kind: 'date', interval: test }));
    case 'number':
      return interval<string>(decimals).map((test) => ({ kind: 'number', interval: test }));
    case 'quantity':
      return fc
        .record({
          interval: interval<string>(decimals),
          system: fc.option(pick(unitSystems)),
          code: fc.option(pick(units)),
        })
        .map(({ interval: test, system, code }) => ({
          kind: 'quantity',
          interval: test,
          ...(system !== null && { system }),
          ...(code !== null && { code }),
        }));
    case 'reference':
      return fc.record({ kind: fc.constant('reference'), type: pick(types), id: pick(ids) });
    case 'uri':
      return fc.oneof(
        fc.record({ kind: fc.constant('uri'), match: pick(['exact', 'canonical'] as const), value: pick(urls) }),
        fc.record({ kind: fc.constant('uri'), match: fc.constant('begins'), value: pick(beginnings) }),
      );
  }
}

const canonicalTest = fc.record<CanonicalTest>({
  kind: fc.constant('canonical'),
  url: pick(['http://a/x', 'http://b']),
  version: pick(['1.0', '2', 'b']),
});

function valueCriterion(parameter: Parameter): fc.Arbitrary<Criterion> {
  const { code, kind, textual } = parameter;
  if (code.endsWith(':text')) {
    const test = fc.tuple(pick(texts), fc.integer({ min: 1, max: 8 })).map(([text, length]): ValueTest => {
      return { kind: 'text', value: [...normaliseString(text)].slice(0, length).join('') };
    });
    return anyOf(parameter, test);
  }
  if (kind === 'special') {
    const test = fc.record<NearTest>({
      kind: fc.constant('near'),
      latitude: pick(latitudes),
      longitude: pick(longitudes),
      within: pick([0, 0.5, 700, 5_000, 12_000, 30_000]),
    });
    return anyOf(parameter, test);
  }
  if (kind === 'composite') {
    return compositeTests(parameter).map((tests) => ({ kind: 'value', parameter, anyOf: tests }));
  }
  if (kind !== 'reference') return anyOf(parameter, simpleTest(kind, textual));
  return fc.oneof(
    anyOf(parameter, fc.oneof(simpleTest('reference', false), simpleTest('uri', false), canonicalTest)),
    // `:identifier` looks at the logical references of a reference parameter: text tokens.
    anyOf({ ...parameter, textual: true }, simpleTest('token', true)),
  );
}

/** A value that is none of these, for the kinds of parameters that have such criteria. */
function differs(parameter: Parameter): fc.Arbitrary<Criterion> {
  if (parameter.kind === 'composite') {
    return compositeTests(parameter).map((from) => ({ kind: 'differs', parameter, from }));
  }
  if (parameter.kind !== 'string' && parameter.kind !== 'token' && parameter.kind !== 'uri') {
    return valueCriterion(parameter);
  }
  const test = simpleTest(parameter.kind, parameter.textual).filter(
    (each) => each.kind === 'string' || each.kind === 'token' || each.kind === 'uri',
  );
  return fc.array(test, { minLength: 1, maxLength: 3 }).map((from) => ({ kind: 'differs', parameter, from }));
}

function compositeTests({ components }: Parameter): fc.Arbitrary<readonly CompositeTest[]> {
  const parts = components.map((part) => simpleTest(part.kind, part.textual));
  const test = fc.tuple(...parts).map((tests): CompositeTest => ({ kind: 'composite', components: tests }));
  return fc.array(test, { minLength: 1, maxLength: 3 });
}

function anyOf(parameter: Parameter, test: fc.Arbitrary<ValueTest>): fc.Arbitrary<Criterion> {
  return fc.array(test, { minLength: 1, maxLength: 3 }).map((tests) => ({ kind: 'value', parameter, anyOf: tests }));
}

/** A chain, forwards or backwards, of at most so many steps. */
function chained(type: string, steps: number): fc.Arbitrary<Criterion> {
  const canonicalOf = (target: string): CanonicalTarget | undefined => {
    const of = parametersOf(target);
    const url = of.find(({ code }) => code === 'url');
    return url && { type: target, url, version: of.find(({ code }) => code === 'identifier') };
  };
  return fc
    .record({ other: pick(types), code: pick(['subject', 'performer']), named: fc.boolean(), back: fc.boolean() })
    .chain(({ other, code, named, back }) => {
      const parameter = parametersOf(back ? other : type).find((each) => each.code === code);
      if (parameter === undefined) throw new Error(`no parameter ${code}`);
      const canonical = named ? canonicalOf(back ? type : other) : undefined;
      const end = fc.oneof({ weight: 3, arbitrary: arbitraryLeaf(other, steps - 1) }, fc.constant(everything));
      return fc.tuple(end, fc.boolean()).map(([part, not]): Criterion => {
        const of: Criterion = not ? { kind: 'not', of: part } : part;
        return back
          ? { kind: 'has', parameter, canonical, of }
          : { kind: 'chain', parameter, target: other, canonical, of };
      });
    });
}

const everything: Criterion = { kind: 'and', of: [] };

/** A criterion on one parameter, id or instant, or on what it leads to; no `and`, `or`, `not` but at the end of chains. */
export function arbitraryLeaf(type: string, steps = 2): fc.Arbitrary<Criterion> {
  const parameters = parametersOf(type);
  const idList = fc.uniqueArray(pick([...ids, 'nobody']), { maxLength: 4 });
  return fc.oneof(
    { weight: 8, arbitrary: pick(parameters).chain(valueCriterion) },
    { weight: 2, arbitrary: pick(parameters).chain(differs) },
    ...(steps === 0 ? [] : [{ weight: 3, arbitrary: fc.constant(undefined).chain(() => chained(type, steps)) }]),
    {
      weight: 2,
      arbitrary: fc.tuple(pick(parameters), fc.boolean()).map(([each, missing]): Criterion => {
        return { kind: 'missing', parameter: each, missing };
      }),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(pick(['narrative', 'content'] as const), arbitraryWordsQuery())
        .map(([scope, query]): Criterion => ({ kind: 'words', scope, query })),
    },
    ...(steps === 0
      ? []
      : [
          {
            weight: 1,
            arbitrary: pick(types).chain((inside) =>
              arbitraryLeaf(inside, steps - 1).map((of): Criterion => ({ kind: 'contains', type: inside, of })),
            ),
          },
        ]),
    { weight: 1, arbitrary: idList.map((list): Criterion => ({ kind: 'id', ids: list })) },
    {
      weight: 1,
      arbitrary: interval<number>(instants).map((test): Criterion => ({ kind: 'lastUpdated', interval: test })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(pick(types), pick(['subject', 'performer']), idList).map(([source, code, by]): Criterion => {
        const parameter = parametersOf(source).find((each) => each.code === code);
        return parameter === undefined ? { kind: 'or', of: [] } : { kind: 'referenced', parameter, by };
      }),
    },
    { weight: 1, arbitrary: hierarchyCriterion(type) },
  );
}

function hierarchyCriterion(type: string): fc.Arbitrary<Criterion> {
  const references = (of: string) => pick(parametersOf(of).filter(({ kind }) => kind === 'reference'));
  return pick(types).chain((of) =>
    fc.record({
      kind: fc.constant('hierarchy'),
      parameter: references(type),
      by: references(of),
      direction: pick(['above', 'below'] as const),
      from: fc.uniqueArray(pick([...ids, 'nobody']), { minLength: 1, maxLength: 2 }),
    }),
  );
}

/** A criterion on resources of a type, nested at most three deep. */
export function arbitraryCriterion(type: string, depth = 3): fc.Arbitrary<Criterion> {
  const leaf = arbitraryLeaf(type);
  if (depth === 0) return leaf;
  const part = arbitraryCriterion(type, depth - 1);
  const of = fc.array(part, { maxLength: 3 });
  return fc.oneof(
    { weight: 4, arbitrary: leaf },
    { weight: 2, arbitrary: of.map((parts): Criterion => ({ kind: 'and', of: parts })) },
    { weight: 1, arbitrary: of.map((parts): Criterion => ({ kind: 'or', of: parts })) },
    { weight: 1, arbitrary: part.map((each): Criterion => ({ kind: 'not', of: each })) },
  );
}

/** What a score looks at. */
export function arbitraryRelevance(depth = 1): fc.Arbitrary<Relevance> {
  const words = fc
    .tuple(pick(['narrative', 'content'] as const), arbitraryWordsQuery())
    .map(([scope, query]): Relevance => ({ kind: 'words', scope, query }));
  if (depth === 0) return words;
  const several = fc
    .tuple(pick(['and', 'or'] as const), fc.array(arbitraryRelevance(depth - 1), { minLength: 2, maxLength: 3 }))
    .map(([kind, of]): Relevance => ({ kind, of }));
  return fc.oneof({ weight: 3, arbitrary: words }, { weight: 1, arbitrary: several });
}

/** What resources of a type are sorted by: any parameter that sorts, or that of what it leads to. */
function arbitrarySortBy(type: string, steps: number): fc.Arbitrary<SortBy> {
  const parameters = parametersOf(type);
  const direct = fc.oneof(
    { weight: 6, arbitrary: pick(parameters.filter(({ kind }) => kind !== 'composite' && kind !== 'special')) },
    { weight: 2, arbitrary: pick(['id', 'lastUpdated'] as const) },
    { weight: 1, arbitrary: arbitraryRelevance().map((score): SortBy => ({ score })) },
  );
  if (steps === 0) return direct;
  const through = fc
    .tuple(pick(parameters.filter(({ kind }) => kind === 'reference')), fc.subarray([...types], { minLength: 1 }))
    .chain(([parameter, targets]) =>
      arbitrarySortBy(targets[0] ?? type, steps - 1).map((by): SortBy => {
        return { through: parameter, ends: targets.map((target) => ({ target, by: sortOf(by, target) })) };
      }),
    );
  return fc.oneof({ weight: 6, arbitrary: direct }, { weight: 1, arbitrary: through });
}

/** The same to sort by on another type. */
export function sortOf(by: SortBy, type: string): SortBy {
  if (typeof by === 'string' || 'score' in by) return by;
  return 'through' in by ? { ...by, through: { ...by.through, type } } : { ...by, type };
}

/** The order of the value that a criterion is on, where resources are sorted by such. */
export function arbitraryOwnSort(criterion: Criterion): fc.Arbitrary<readonly SortKey[]> {
  if (criterion.kind !== 'value') return fc.constant([]);
  const { parameter: by } = criterion;
  if (by.kind === 'composite' || by.kind === 'special') return fc.constant([]);
  return fc.boolean().map((descending) => [{ by, descending }]);
}

/** Up to three sort keys. */
export function arbitrarySort(type: string): fc.Arbitrary<readonly SortKey[]> {
  const by = arbitrarySortBy(type, 2);
  return fc.array(fc.record({ by, descending: fc.boolean() }), { maxLength: 3 });
}
