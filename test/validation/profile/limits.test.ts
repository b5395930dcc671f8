import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { Validator } from '../../../src/validation/validator.ts';
import { filed, observation, profileOf, sourceOf, urlOf, validatorOf } from './source.ts';

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

  it('has elements within a hundred others at most', async () => {
    const path = `Observation${'.extension'.repeat(5_000)}`;
    const profile = profileOf('Observation', [{ path, max: '0' }]);
    expect(await validatorOf(filed(profile)).fault(profile, 10_000)).toBe('an element is within more than 100 others');
  });

  it('has a hundred bases at most', async () => {
    const all = many(2_000, (n) =>
      profileOf('Observation', [], { name: `p${n}`, ...(n === 0 ? {} : { baseDefinition: urlOf(`p${n - 1}`) }) }),
    );
    const [last] = all.slice(-1);
    expect(await validatorOf(filed(...all)).fault(last ?? {}, 60_000)).toMatch(/has more than 100 bases$/);
  });

  it('is given up when reading it takes too long', async () => {
    const profile = profileOf('Observation', [
      {
        path: 'Observation',
        constraint: many(5_000, (n) => ({ key: `k${n}`, severity: 'error', human: 'x', expression: `${n} < 9` })),
      },
    ]);
    expect(await validatorOf(filed(profile)).fault(profile, -1)).toMatch(/^it takes more than -1 ms to read/);
    expect(await validatorOf(filed(profile)).fault(profile, 60_000)).toBeUndefined();
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
