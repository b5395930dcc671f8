/** Names, modifiers, result parameters, and what is refused. https://hl7.org/fhir/R4/search.html */
import { describe, expect, test } from 'vitest';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import type { Criterion } from '../../src/search/criteria.ts';
import { parseCondition, parseSearch } from '../../src/search/query.ts';
import { context, definitions, registry, search } from './setup.ts';

/** The issue that a query is refused with. */
function refusal(ask: () => unknown): {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
} {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    return { status: error.status, code: error.issues[0]?.code, text: error.issues[0]?.diagnostics ?? '' };
  }
  throw new Error('was not refused');
}

describe('refused whatever the handling', () => {
  test.each([
    ['birthdate=2024-13', 'value', 'birthdate'],
    ['birthdate=xx2024', 'value', 'birthdate'],
    ['birthdate=gt', 'value', 'birthdate'],
    ['birthdate=abc', 'value', 'birthdate'],
    ['name=-', 'value', 'name'],
    ['identifier=|', 'value', 'identifier'],
    ['identifier=a|b|c', 'value', 'identifier'],
    ['active=maybe', 'value', 'active'],
    ['organization=Foo/1', 'value', 'organization'],
    ['organization=a b', 'value', 'organization'],
    ['organization=#p', 'value', 'organization'],
    ['link:Practitioner=1', 'invalid', 'link:Practitioner'],
    ['link:Patient=RelatedPerson/1', 'value', 'link:Patient'],
    ['name:missing=maybe', 'value', 'name:missing'],
    ['name:missing=true,false', 'value', 'name:missing'],
    ['name:fuzzy=x', 'not-supported', ':fuzzy'],
    ['name:not=x', 'not-supported', ':not'],
    ['birthdate:exact=2024', 'not-supported', ':exact'],
    ['gender:text=x', 'not-supported', ':text'],
    ['gender:in=http://vs', 'not-supported', ':in'],
    ['gender:of-type=a|b|c', 'not-supported', ':of-type'],
    ['identifier:of-type=a|b', 'value', ':of-type'],
    ['organization:Patient.name=x', 'invalid', 'organization:Patient.name'],
    ['organization:Organization.active=x', 'value', 'organization:Organization.active'],
    ['organization.name:fuzzy=x', 'not-supported', ':fuzzy'],
    ['name.family=x', 'invalid', 'name.family'],
    ['_has:Observation:patient=1', 'invalid', '_has'],
    ['_has:Observation:patient:=1', 'invalid', '_has'],
    ['_has:Observation:code:code=1', 'invalid', '_has'],
    ['_filter=name is x', 'invalid', '_filter, character 6'],
    ['_filter=,', 'invalid', '_filter, character 1'],
    ['_filter=nme eq x', 'invalid', 'name'],
    ['_filter=birthdate ge soon', 'value', '_filter: birthdate ge'],
    ['_filter:not=name eq x', 'invalid', '_filter'],
    ['_text=(x', 'value', '_text'],
    ['_content:exact=x', 'invalid', '_content'],
    ['_list=$current-problems', 'not-supported', '_list'],
    ['_list=a/b', 'value', '_list'],
    ['_list:not=1', 'invalid', '_list'],
    ['_query=x', 'not-supported', 'no named queries'],
    ['_contained=no', 'value', '_contained'],
    ['_containedType=container', 'invalid', '_containedType'],
    ['_contained=false&_containedType=contained', 'invalid', '_containedType'],
    ['_contained=true&_containedType=all', 'value', '_containedType'],
    ['_contained=true&_containedType=contained&_include=Observation:subject', 'value', '_include'],
    ['_contained=true&_sort=name', 'not-supported', '_sort'],
    ['_count=x', 'value', '_count'],
    ['_count=-1', 'value', '_count'],
    ['_count=1&_count=2', 'invalid', '_count'],
    ['_sort=name&_sort=birthdate', 'invalid', '_sort'],
    ['_sort=nme', 'value', 'name'],
    ['_sort=organization.nam', 'value', '_sort'],
    ['_sort=name.organization', 'invalid', '_sort'],
    ['_sort:desc=name', 'invalid', '_sort'],
    ['_total=some', 'value', '_total'],
    ['_summary=maybe', 'value', '_summary'],
    ['_elements=nme', 'value', 'name'],
    ['_elements=Patent.name', 'value', 'Patent'],
    ['_include=Patient:nme', 'value', '_include'],
    ['_include=Patient:name', 'value', '_include'],
    ['_include=Patent:link', 'value', 'Patient'],
    ['_include=Observation:subject', 'value', 'Observation is not searched here'],
    ['_include=Organization:partof', 'value', 'with _include:iterate those that these refer to.'],
    ['_include=Patient:link:Practitioner', 'value', '_include'],
    ['_include=Patient:link:Patient:x', 'value', '_include'],
    ['_include:iterate=Nobody:link', 'value', '_include: "Nobody"'],
    ['_include:again=Patient:link', 'invalid', '_include takes no modifier :again, only :iterate.'],
    ['_include:recurse=Patient:link', 'invalid', '_include takes no modifier :recurse, only :iterate.'],
    ['_sort:recurse=name', 'invalid', '_sort takes no modifier :recurse.'],
    ['_revinclude=Encounter:location', 'value', '_revinclude'],
    ['_type=Patient', 'invalid', '_type'],
  ])('%s', (query, code, named) => {
    for (const handling of ['strict', 'lenient'] as const) {
      const { status, code: found, text } = refusal(() => search('Patient', query, { handling }));
      expect({ status, code: found }).toEqual({ status: 400, code });
      expect(text).toContain(named);
    }
  });

  test.each([
    ['Observation', 'code-value-quantity=1'],
    ['Observation', 'code-value-quantity=1$2$3'],
    ['Observation', 'code-value-quantity=$2'],
    ['Observation', 'code-value-quantity=a$b'],
    ['Observation', 'code-value-quantity:missing=true'],
    ['Observation', 'value-quantity=mg'],
    ['Observation', 'value-quantity=1|2|3|4'],
    ['RiskAssessment', 'probability=.5'],
    ['RiskAssessment', 'probability=5.'],
    ['RiskAssessment', 'probability=1e999'],
    ['Observation', '_sort=code-value-quantity'],
    ['Location', 'near=1'],
  ])('%s?%s', (type, query) => {
    expect(refusal(() => search(type, query)).status).toBe(400);
  });
});

describe('unknown parameters', () => {
  test('400 with the nearest valid names', () => {
    const { status, code, text } = refusal(() => search('Patient', 'birthdat=2024'));
    expect({ status, code }).toEqual({ status: 400, code: 'invalid' });
    expect(text).toContain('birthdate');
    expect(refusal(() => search('Patient', 'constructor=1')).status).toBe(400);
    expect(refusal(() => search('Patient', '__proto__=1')).status).toBe(400);
    expect(refusal(() => search('Patient', 'foo=')).status).toBe(400);
  });

  test('ignored and listed once with lenient handling, and not used', () => {
    const parsed = search('Patient', 'foo=1&foo=2&name=x&bar:baz=1&a.b=1', { handling: 'lenient' });
    expect(parsed.ignored).toEqual(['foo', 'bar:baz', 'a.b']);
    expect(parsed.used).toEqual([
      ['name', 'x'],
      ['_count', '50'],
    ]);
  });

  test('_format, _pretty and configured names never count as unknown', () => {
    const parsed = search('Patient', '_format=json&_pretty=true&token=x&name=a', { ignoredParameters: ['token'] });
    expect(parsed.used).toEqual([
      ['_format', 'json'],
      ['_pretty', 'true'],
      ['name', 'a'],
      ['_count', '50'],
    ]);
    expect(parsed.ignored).toEqual([]);
  });
});

describe('what was used', () => {
  test('empty values are left out, defaults shown, a large count lowered', () => {
    expect(search('Patient', 'name=&family:exact=&gender=male&_sort=&_count=5000').used).toEqual([
      ['gender', 'male'],
      ['_count', '1000'],
    ]);
    expect(search('Patient', 'name=,').used).toEqual([['_count', '50']]);
  });

  test('what was used parses to the same search', () => {
    const query =
      'name:exact=a\\,b&gender=male,female&_sort=-birthdate,_id&_include=Patient:link&_total=accurate&_elements=name&_count=7';
    const first = search('Patient', query);
    expect(parseSearch(first.used, context())).toEqual(first);
  });
});

describe('criteria', () => {
  const criterion = (query: string): Criterion | undefined => search('Patient', query).parts[0]?.criterion;

  test('none at all hold for every resource', () => {
    expect(criterion('')).toEqual({ kind: 'and', of: [] });
  });

  test('parameters are ANDed, alternatives ORed', () => {
    const parsed = criterion('gender=male,female&_id=a,b,a');
    expect(parsed).toMatchObject({
      kind: 'and',
      of: [
        { kind: 'value', parameter: { code: 'gender' }, anyOf: [{ code: 'male' }, { code: 'female' }] },
        { kind: 'id', ids: ['a', 'b'] },
      ],
    });
  });

  test('carry plain parameters that cross threads', () => {
    const parsed = criterion('gender=male');
    expect(structuredClone(parsed)).toEqual(parsed);
    expect(parsed?.kind === 'value' ? Object.keys(parsed.parameter).sort() : []).toEqual([
      'code',
      'components',
      'kind',
      'multiple',
      'textual',
      'type',
    ]);
  });
});

describe('result parameters', () => {
  test('counts and totals', () => {
    expect(search('Patient', '')).toMatchObject({ count: 50, total: 'bounded' });
    expect(search('Patient', '_count=0')).toMatchObject({ count: 0, total: 'accurate', summary: 'count' });
    expect(search('Patient', '_summary=count')).toMatchObject({ count: 0, total: 'accurate', summary: 'count' });
    expect(search('Patient', '_total=none')).toMatchObject({ total: 'none' });
    expect(search('Patient', '_total=estimate')).toMatchObject({ total: 'estimate' });
    expect(search('Patient', '_summary=false').summary).toBeUndefined();
    expect(search('Patient', '_summary=text').summary).toBe('text');
    expect(search('Patient', '_contained=false').used).toContainEqual(['_contained', 'false']);
  });

  test('contained resources', () => {
    const types = (query: string) => search('Patient', query).parts.map(({ type }) => type);
    expect(types('_contained=false')).toEqual(['Patient']);
    expect(types('_contained=true&_containedType=contained')).toEqual(['#Patient']);
    expect(types('_contained=both&_containedType=contained&_sort=name')).toEqual(['Patient', '#Patient']);
    expect(types('_contained=true')).toContain('Observation');
    expect(types('_contained=true')).not.toContain('Binary');
    const { parts } = search('Patient', '_contained=both&gender=male');
    const male = search('Patient', 'gender=male').parts[0]?.criterion;
    const contains = { kind: 'contains', type: 'Patient', of: male };
    expect(parts.find(({ type }) => type === 'Observation')?.criterion).toEqual(contains);
    expect(parts.find(({ type }) => type === 'Patient')?.criterion).toEqual({ kind: 'or', of: [male, contains] });
  });

  test('sort keys', () => {
    expect(search('Patient', '_sort=-birthdate,_lastUpdated,-_id').parts[0]?.sort).toEqual([
      { by: registry.get('Patient', 'birthdate')?.parameter, descending: true },
      { by: 'lastUpdated', descending: false },
      { by: 'id', descending: true },
    ]);
  });

  test('elements: properties and choices of the type, or of a named type', () => {
    expect(search('Patient', '_elements=name,deceased,deceasedBoolean,Observation.value,id').elements).toEqual([
      'name',
      'deceased',
      'deceasedBoolean',
      'Observation.value',
      'id',
    ]);
  });

  test('includes', () => {
    expect(
      search('Patient', '_include=Patient:general-practitioner:Organization&_revinclude=Observation:subject'),
    ).toMatchObject({
      includes: [
        { parameter: { type: 'Patient', code: 'general-practitioner' }, targets: ['Organization'], iterate: false },
      ],
      revincludes: [{ parameter: { type: 'Observation', code: 'subject' } }],
    });
    const all = search('Patient', '_include=*').includes.map(({ parameter }) => parameter.code);
    expect(all).toEqual(['general-practitioner', 'link', 'organization']);
    expect(search('Patient', '_include=Patient:*').includes).toHaveLength(3);
    expect(search('Patient', '_revinclude=Provenance:*').revincludes.map(({ parameter }) => parameter.code)).toContain(
      'target',
    );
  });
});

describe('a search of the system', () => {
  const all = [...definitions.resourceTypes];

  test('has a part for each type, or for those that _type names', () => {
    expect(parseSearch([['_id', 'a']], context(all)).parts).toHaveLength(all.length);
    const parsed = parseSearch(
      [
        ['_type', 'Patient,Practitioner'],
        ['name', 'x'],
        ['_sort', 'name'],
      ],
      context(all),
    );
    expect(parsed.parts.map(({ type }) => type)).toEqual(['Patient', 'Practitioner']);
    expect(parsed.used[0]).toEqual(['_type', 'Patient,Practitioner']);
  });

  test.each(['subject:Patient.name', 'subject:Patient.general-practitioner:Organization.name'])(
    'asks of other resources the same for all types that lead to them: %s',
    (name) => {
      const { parts } = parseSearch(
        [
          ['_type', 'Observation,Condition'],
          [name, 'x'],
        ],
        context(all),
      );
      const [one, other] = parts.map(({ criterion }) => (criterion.kind === 'chain' ? criterion.of : undefined));
      expect(one).toBeDefined();
      expect(other).toBe(one);
    },
  );

  test('asks the same of other resources in whatever order its types come', () => {
    // Observations, but no Encounters, may be of a Location, to which another one may refer as what it is part of.
    const types = ['Observation', 'Encounter'];
    const pairs = [['subject._has:Location:partof:name', 'x']] as const;
    const criteriaOf = (some: readonly string[]) =>
      new Map(parseSearch(pairs, context(some)).parts.map(({ type, criterion }) => [type, criterion]));
    const found = criteriaOf(types);
    expect(criteriaOf(types.toReversed())).toEqual(found);
    expect(JSON.stringify(found.get('Encounter'))).not.toContain('"has"');
    expect(refusal(() => criteriaOf(['Encounter'])).text).toMatch(/partof of Location never leads to Group/);
  });

  test('takes only parameters that all its types have', () => {
    expect(refusal(() => parseSearch([['name', 'x']], context(all))).status).toBe(400);
    expect(refusal(() => parseSearch([['_type', 'Patent']], context(all))).text).toContain('Patient');
    expect(
      refusal(() =>
        parseSearch(
          [
            ['_type', 'Patient,ActivityDefinition'],
            ['_sort', 'birthdate'],
          ],
          context(all),
        ),
      ).status,
    ).toBe(400);
  });
});

describe('a condition', () => {
  const condition = (query: string, type = 'Patient'): Criterion =>
    parseCondition(type, query, context(['Observation'], { handling: 'lenient', ignoredParameters: ['token'] }));

  test('may begin with ? or with its type', () => {
    const plain = condition('identifier=urn:s|1');
    expect(plain).toMatchObject({ kind: 'value', parameter: { type: 'Patient', code: 'identifier' } });
    expect(condition('?identifier=urn:s|1')).toEqual(plain);
    expect(condition('Patient?identifier=urn:s|1')).toEqual(plain);
    expect(condition('identifier=urn:s%7C1&_format=json&token=x')).toEqual(plain);
    expect(condition('name=a?b')).toMatchObject({ kind: 'value' });
  });

  test.each([
    ['', 'no criteria'],
    ['?', 'no criteria'],
    ['_format=json', 'no criteria'],
    ['foo=1', 'foo'],
    ['identifier=', 'identifier'],
    ['identifier=urn:s|1&name=', 'name'],
    ['identifier=urn:s|1&_count=1', '_count'],
    ['identifier=urn:s|1&_include=Patient:link', '_include'],
    ['Observation?identifier=1', 'Observation'],
    ['organization.nam=x', 'nearest: name'],
    ['name=-', 'name'],
  ])('%j is refused whatever the handling', (query, named) => {
    const { status, text } = refusal(() => condition(query));
    expect(status).toBe(400);
    expect(text).toContain(named);
  });
});

describe('a query that is too much to lower', () => {
  const times = (count: number, pair: string): string => Array.from({ length: count }, () => pair).join('&');

  test('of many chains without types is refused before most are followed', () => {
    let looks = 0;
    const counting = {
      ...registry,
      get: (type: string, code: string) => {
        looks += 1;
        return registry.get(type, code);
      },
    };
    const refused = refusal(() => search('Observation', times(400, 'focus.subject.name=x'), { registry: counting }));
    expect(refused).toMatchObject({ status: 400, code: 'too-costly' });
    expect(refused.text).toMatch(/too many types in all: name the types/);
    expect(looks).toBeLessThan(100_000);
    expect(search('Observation', 'focus.subject.name=x').parts).toHaveLength(1);
  });

  test('of filters with chains without types counts those too', () => {
    const refused = refusal(() => search('Observation', times(100, '_filter=focus.subject.name eq x')));
    expect(refused).toMatchObject({ code: 'too-costly', text: expect.stringMatching(/too many types in all/) });
  });

  test('of many parameters is refused, in conditions too', () => {
    expect(search('Patient', times(500, 'name=x')).used).toHaveLength(501);
    for (const ask of [
      () => search('Patient', times(501, 'name=x')),
      () => parseCondition('Patient', times(501, 'name=x'), context()),
    ]) {
      expect(refusal(ask)).toMatchObject({ code: 'too-costly', text: expect.stringMatching(/at most 500 parameters/) });
    }
  });

  test('of many values on many types is refused', () => {
    const values = Array.from({ length: 20_000 }, (_, n) => n).join();
    expect(search('Observation', `code=${values}`).parts).toHaveLength(1);
    const refused = refusal(() => search('Observation', `focus.identifier=${values}`));
    expect(refused).toMatchObject({ code: 'too-costly', text: expect.stringMatching(/200000 values to compare with/) });
  });

  test('of many values that can’t be looked up in a list is refused', () => {
    const many = (count: number, value: (n: number) => string) =>
      Array.from({ length: count }, (_, n) => value(n)).join();
    const dates = (count: number) => many(count, (n) => `ge${1000 + (n % 9000)}`);
    expect(search('Patient', `birthdate=${dates(10_000)}`).parts).toHaveLength(1);
    for (const query of [
      `birthdate=${dates(10_001)}`,
      `birthdate=${dates(6000)}&birthdate=${dates(6000)}`,
      `gender:text=${many(10_001, String)}`,
      `name:contains=${many(10_001, String)}`,
    ]) {
      const refused = refusal(() => search('Patient', query));
      expect(refused).toMatchObject({
        code: 'too-costly',
        text: expect.stringMatching(/more than 10000 dates.* on all searched types/),
      });
    }
    expect(search('Patient', `name:exact=${many(10_001, String)}`).parts).toHaveLength(1);
  });

  test('of a name with very many steps is refused, whatever its names', () => {
    for (const [query, name] of [
      [`${'_has:a:b:'.repeat(28_000)}x=1`, '_has:a:b:'],
      [`${'a.'.repeat(28_000)}x=1`, 'a.a.'],
      [`_sort=${'link.'.repeat(12)}name`, '_sort: link.'],
    ] as const) {
      const refused = refusal(() => search('Patient', query, { handling: 'lenient' }));
      expect(refused).toMatchObject({ status: 400, code: 'too-costly' });
      expect(refused.text.startsWith(name)).toBe(true);
      expect(refused.text).toMatch(/more than 12 steps; follow fewer references\.$/);
      expect(refused.text.length).toBeLessThan(300);
    }
  });
});
