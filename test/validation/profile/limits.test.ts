import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { definitionFault } from '../../../src/validation/profile/checks.ts';
import { Validator } from '../../../src/validation/validator.ts';
import { faultOf, filed, observation, profileOf, sourceOf, urlOf, validatorOf } from './source.ts';

function many<T>(count: number, of: (n: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, n) => of(n));
}

const definitions = loadDefinitions();

/** `error x-1 Observation`: severity, rule and element of each issue of an observation that names the profile. */
async function told(profile: Resource, more: JsonObject = {}, budget = 60_000): Promise<readonly string[]> {
  const resource = { ...observation(more), meta: { profile: [String(profile.url)] } };
  const issues = await validatorOf(filed(profile)).validate({ resource, level: 'profiles', budget });
  return issues
    .map(({ severity, details, expression }) => `${severity} ${details?.coding[0].code} ${expression?.join()}`)
    .filter((line) => !line.startsWith('warning dom-6'));
}

function constrained(expression: string, path = 'Observation'): Resource {
  return profileOf('Observation', [{ path, constraint: [{ key: 'x-1', severity: 'error', human: 'x', expression }] }]);
}

describe('a profile that somebody made to keep the server busy', () => {
  it.each([
    ['a repetition of a repetition', "'a'.matches('(){9999}{9999}{9999}')"],
    ['too many steps', "'a'.matches('((a{100}){100}){100}')"],
  ])("can't be used: a regular expression with %s", async (_, expression) => {
    expect(await told(constrained(expression))).toEqual(['warning profile Observation.meta.profile[0]']);
  });

  it('repeats nothing but once', async () => {
    expect(await told(constrained("'a'.matches('^((((){9999}){9999}){9999}){9999}a$')"))).toEqual([]);
  });

  it.each([
    ['joins them', "'x'.repeat($this & $this).exists()"],
    ['adds them', "'x'.repeat($this + $this).exists()"],
    ['replaces in them', "'xx'.repeat(replace('x', $this)).exists()"],
    ['replaces patterns in them', "'xx'.repeat(replaceMatches('x', $this)).exists()"],
  ])('is stopped where it makes texts that fill the memory: %s', async (_, expression) => {
    expect(await told(constrained(expression))).toEqual(['error too-costly Observation']);
  });

  const div = (text: string) => ({
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` },
  });
  const component = many(20_000, (n) => ({ code: { text: `y${n}` } }));
  const tree = (id: string) => ({ resourceType: 'Patient', id, name: many(100_000, (n) => ({ text: `${n}` })) });

  it.each<[string, string, JsonObject]>([
    [
      'looks for texts in a long one again and again',
      'component.all(%resource.text.div.contains(code.text).not())',
      { ...div('x'.repeat(20_000_000)), component },
    ],
    [
      'looks for the places of texts in a long one',
      'component.all(%resource.text.div.indexOf(code.text) < 0)',
      { ...div('x'.repeat(20_000_000)), component },
    ],
    [
      'compares large elements again and again',
      'component.all(iif($this.exists(), %resource.contained[0].name, {}) = %resource.contained[1].name)',
      { contained: [tree('a'), tree('b')], component },
    ],
    [
      'compares long texts but for their case',
      'component.all(iif($this.exists(), %resource.note[0].text, {}) ~ %resource.note[1].text)',
      { note: many(2, () => ({ text: 'x '.repeat(400_000) })), component },
    ],
    ['has a text in single characters', 'text.div.toChars().count() > 1', div('x'.repeat(20_000_000))],
    ['splits a text into single characters', "text.div.split('').count() > 1", div('x'.repeat(20_000_000))],
    ['doubles a list', 'component.aggregate($total.combine($total), code).count() > 1', { component }],
    ['has all for each', 'component.select(%resource.component).select(%resource.component).exists()', { component }],
    [
      'has another pattern for each',
      "component.all('abab'.matches(code.text).not())",
      { component: many(20_000, (n) => ({ code: { text: `${n}${'[a-z]'.repeat(500)}` } })) },
    ],
  ])('is stopped where a constraint %s', async (_, expression, more) => {
    const before = performance.now();
    expect(await told(constrained(expression), more, 300)).toContain('error too-costly Observation');
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  it.each([
    ['each with each', "'a'.encode('hex').exists() and component.code.subsetOf(component.code)"],
    ['all, and all within', "'a'.encode('hex').exists() and repeat(children()).exists()"],
    ['with an operator', "'a'.encode('hex').exists() and component.all(code in %resource.component.code)"],
  ])("can't be used: it would have the package compare what it can't be stopped at, %s", async (_, expression) => {
    expect(await told(constrained(expression))).toEqual(['warning profile Observation.meta.profile[0]']);
  });

  it("can't be used: what is no FHIRPath to the package, that its functions are left to", async () => {
    expect(await told(constrained("text.div.encode('hex').exists()"))).toEqual([
      'warning profile Observation.meta.profile[0]',
    ]);
  });

  const given = (n: number) => `v${n}`;
  const types = many(20_000, () => ({ code: 'Quantity' }));
  const child = (n: number) => ({ path: `Observation.x${n}`, min: 0, max: '*', type: [{ code: 'string' }] });
  const above = (element: JsonObject, name = 'above') => profileOf('Observation', [element], { name });
  it.each<[string, readonly JsonObject[], readonly Resource[]]>([
    [
      'mappings',
      [{ path: 'Observation.code', mapping: many(20_000, (n) => ({ identity: `a${n}`, map: 'x' })) }],
      [above({ path: 'Observation.code', mapping: many(20_000, (n) => ({ identity: `b${n}`, map: 'x' })) })],
    ],
    ['types', [{ path: 'Observation.value[x]', type: types }], [above({ path: 'Observation.value[x]', type: types })]],
    [
      'elements',
      many(30_000, child),
      [
        {
          ...profileOf('Observation', [], { name: 'above', baseDefinition: 'http://x.example/none' }),
          snapshot: { element: [{ path: 'Observation' }, ...many(30_000, child)] },
        },
      ],
    ],
  ])('is read, or given up, near its budget where it and its base have thousands of %s', async (_, element, others) => {
    const profile = profileOf('Observation', element, { baseDefinition: urlOf('above') });
    const before = performance.now();
    await faultOf(profile, filed(profile, ...others), 300);
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  it('is given up where it mentions so many others that looking them up takes too long', async () => {
    const targetProfile = many(50_000, (n) => `http://x.example/${n}`);
    const profile = profileOf('Observation', [
      { path: 'Observation.performer', type: [{ code: 'Reference', targetProfile }] },
    ]);
    const source = sourceOf(filed());
    const structureDefinition = async (canonical: string) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return source.structureDefinition(canonical);
    };
    const fault = await definitionFault(profile, 50, definitions, { ...source, structureDefinition });
    expect(fault).toMatch(/^it takes more than 50 ms to read/);
    // Of the time that was set, some may have gone by.
    const late = await definitionFault(profile, 50, definitions, { ...source, structureDefinition }, 2000);
    expect(late).toMatch(/^it takes more than 2000 ms to read/);
  });

  it('is stopped where a pattern has thousands of items, and the value too', async () => {
    const profile = profileOf('Patient', [{ path: 'Patient.name', patternHumanName: { given: many(20_000, given) } }]);
    const name = [{ given: many(100_000, (n) => given(99_999 - n)) }];
    const resource = { resourceType: 'Patient', meta: { profile: [urlOf()] }, name };
    const before = performance.now();
    const issues = await validatorOf(filed(profile)).validate({ resource, level: 'profiles', budget: 300 });
    expect(issues.map(({ code }) => code)).toContain('too-costly');
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  it('is stopped where each of many references is compared with each of many types', async () => {
    const targetProfile = many(20_000, () => 'http://hl7.org/fhir/StructureDefinition/Practitioner');
    const type = [{ code: 'Reference', targetProfile }];
    const performer = many(20_000, (n) => ({ reference: `Patient/${n}` }));
    const before = performance.now();
    const found = await told(profileOf('Observation', [{ path: 'Observation.performer', type }]), { performer }, 300);
    expect(found).toContain('error too-costly Observation');
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  it('has elements within a hundred others at most', async () => {
    const path = `Observation${'.extension'.repeat(5_000)}`;
    const profile = profileOf('Observation', [{ path, max: '0' }]);
    expect(await faultOf(profile, filed(profile))).toBe('an element is within more than 100 others');
  });

  it('has a hundred bases at most', async () => {
    const all = many(2_000, (n) =>
      profileOf('Observation', [], { name: `p${n}`, ...(n === 0 ? {} : { baseDefinition: urlOf(`p${n - 1}`) }) }),
    );
    const [last] = all.slice(-1);
    expect(await faultOf(last ?? {}, filed(...all), 60_000)).toMatch(/has more than 100 bases$/);
  });

  it('is given up when reading it takes too long', async () => {
    const profile = profileOf('Observation', [
      {
        path: 'Observation',
        constraint: many(5_000, (n) => ({ key: `k${n}`, severity: 'error', human: 'x', expression: `${n} < 9` })),
      },
    ]);
    expect(await faultOf(profile, filed(profile), -1)).toMatch(/^it takes more than -1 ms to read/);
    expect(await faultOf(profile, filed(profile), 60_000)).toBeUndefined();
  });
});

describe('profiles of an ordinary size', () => {
  it('are read at once though they mention many others', async () => {
    const extensions = many(300, (n) =>
      profileOf('Extension', [{ path: 'Extension.url', fixedUri: urlOf(`e${n}`) }], { name: `e${n}` }),
    );
    const profile = profileOf(
      'Observation',
      extensions.flatMap(({ url }, n) => [
        { path: 'Observation.extension', sliceName: `e${n}`, type: [{ code: 'Extension', profile: [url ?? ''] }] },
        { path: 'Observation.extension.value[x]', min: 1 },
      ]),
    );
    const issues = await validatorOf(filed(profile, ...extensions)).validate({
      resource: { ...observation({}), meta: { profile: [String(profile.url)] } },
      level: 'profiles',
      budget: 60_000,
    });
    expect(issues.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(issues.filter(({ code }) => code === 'processing')).toEqual([]);
  });
});

describe('what clients name', () => {
  it('is looked up in another version than R4 has', async () => {
    const url = 'http://hl7.org/fhir/StructureDefinition/Observation';
    const validator = new Validator(definitions, { ...sourceOf(filed()), structureDefinition: async () => undefined });
    const told = async (profile: string) => {
      const resource = { ...observation({}), meta: { profile: [profile] } };
      const issues = await validator.validate({ resource, level: 'profiles', budget: 60_000 });
      return issues.map(({ code }) => code);
    };
    expect(await told(url)).toEqual([]);
    expect(await told(`${url}|4.0.1`)).toEqual([]);
    expect(await told(`${url}|9`)).toEqual(['not-found']);
  });

  it('means what stands beside a resource in its Bundle, however long the URLs are', async () => {
    const base = `http://x.example/${'a/'.repeat(500_000)}`;
    const performer = many(100_000, (n) => ({ reference: n % 2 === 0 ? 'Patient/p' : `Patient/${n}` }));
    const targetProfile = ['http://hl7.org/fhir/StructureDefinition/Practitioner'];
    const profile = profileOf('Observation', [
      { path: 'Observation.performer', type: [{ code: 'Reference', targetProfile }] },
    ]);
    const entry = [
      { fullUrl: `${base}Observation/o`, resource: { ...observation({ performer }), id: 'o' } },
      { fullUrl: `${base}Patient/p`, resource: { resourceType: 'Patient', id: 'p' } },
    ];
    const resource = { resourceType: 'Bundle', type: 'collection', entry };
    const before = performance.now();
    const issues = await validatorOf(filed(profile)).validate({ resource, level: 'profiles', budget: 5_000 });
    expect(issues.some(({ expression }) => expression?.[0] === 'Bundle.entry[0].resource.performer[0]')).toBe(true);
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  it('is looked up if it can be a canonical, and told shortened', async () => {
    const asked: string[] = [];
    const validator = new Validator(definitions, {
      ...sourceOf(filed()),
      structureDefinition: async (canonical) => {
        asked.push(canonical);
        return undefined;
      },
    });
    const long = `http://x.example/${'x'.repeat(100_000)}`;
    const resource = { ...observation({}), meta: { profile: ['http://x.example/1', long] } };
    const issues = await validator.validate({ resource, level: 'profiles', budget: 60_000 });
    expect(issues.filter(({ code }) => code === 'not-found')).toHaveLength(2);
    expect(asked).toEqual(['http://x.example/1']);
    expect(JSON.stringify(issues).length).toBeLessThan(2_000);
  });
});

describe('a constraint that asks for what is not here', () => {
  it('is told as not checked each time that it is asked', async () => {
    const profile = constrained("%resource.code.memberOf('http://x.example/absent')", 'Observation.component');
    const component = [
      { code: { text: 'a' }, valueString: 'a' },
      { code: { text: 'b' }, valueString: 'b' },
    ];
    expect(await told(profile, { component })).toEqual([
      'information x-1 Observation.component[0]',
      'information x-1 Observation.component[1]',
    ]);
  });
});

describe('a constraint whose pattern comes from the resource', () => {
  it('does not hold where that is no pattern', async () => {
    expect(await told(constrained("'a'.matches(code.text)"), { code: { text: '(' } })).toEqual([
      'error x-1 Observation',
    ]);
    expect(await told(constrained("'a'.matches(code.text)"), { code: { text: '|'.repeat(1_000_000) } })).toEqual([
      'error x-1 Observation',
    ]);
  });
});

describe('a constraint with a function that the package runs', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('writes nothing of a resource to the console', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const expression = "code.trace('label').text.encode('hex') = '61'";
    expect(await told(constrained(expression), { code: { text: 'a' } })).toEqual([]);
    expect(log).not.toHaveBeenCalled();
  });
});
