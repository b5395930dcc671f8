/** Large resources are checked a piece at a time, with the same issues. https://hl7.org/fhir/R4/validation.html */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { parseExact } from '../../src/fhir/exact-json.ts';
import type { Issue } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { numberSteps } from '../../src/validation/numbers.ts';
import { structureSteps } from '../../src/validation/structure.ts';
import { CheckTime } from '../../src/validation/time.ts';
import { Validator } from '../../src/validation/validator.ts';
import { nothing, shown } from './checking.ts';

const definitions = loadDefinitions();
const seconds = 60_000;

function many<T>(count: number, of: (n: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, n) => of(n));
}

/** What steps come to, and how many they are. */
function counted<T>(steps: Generator<void, T>): { readonly value: T; readonly steps: number } {
  for (let count = 1; ; count++) {
    const { done, value } = steps.next();
    if (done === true) return { value, steps: count };
  }
}

const places = (issues: readonly Issue[]) => issues.flatMap(({ expression }) => expression ?? []);

describe('the structure', () => {
  it('of a long list', () => {
    const entry = many(20_000, (n) => (n % 9_000 === 8_999 ? { item: { display: 1 } } : { item: { display: 'x' } }));
    const list = { resourceType: 'List', status: 'current', mode: 'working', entry, nonsense: 1 };
    const { value, steps } = counted(structureSteps(list, definitions));
    // What isn't in a list is looked at first.
    expect(places(value)).toEqual(['List.nonsense', 'List.entry[8999].item.display', 'List.entry[17999].item.display']);
    expect(steps).toBeGreaterThanOrEqual(20_000 / 500);
  });

  it('of long lists of primitives, and what stands beside them', () => {
    const given = many(20_000, (n) => (n === 15_000 ? null : n === 16_000 ? 1 : 'x'));
    const _given = many(20_000, (n) => (n === 15_000 || n === 17_000 ? { id: 'x' } : n === 18_000 ? {} : null));
    const patient = { resourceType: 'Patient', name: [{ given, _given }] };
    const { value, steps } = counted(structureSteps(patient, definitions));
    expect(places(value)).toEqual(['Patient.name[0].given[16000]', 'Patient.name[0].given[18000]']);
    expect(steps).toBeGreaterThanOrEqual(40_000 / 500);
  });

  it('of what nests', () => {
    const concept = (depth: number): object =>
      depth === 0 ? { code: 1 } : { code: `${depth}`, concept: [concept(depth - 1)] };
    const system = {
      resourceType: 'CodeSystem',
      status: 'draft',
      concept: many(1000, (n) => concept(n === 777 ? 40 : 0)),
    };
    const sound = {
      ...system,
      concept: [concept(40), ...many(999, () => ({ code: 'x', concept: many(30, () => ({ code: 'y' })) }))],
    };
    expect(places(counted(structureSteps(sound as never, definitions)).value)).toEqual([
      `CodeSystem${'.concept[0]'.repeat(41)}.code`,
    ]);
    expect(counted(structureSteps(sound as never, definitions)).steps).toBeGreaterThanOrEqual(31_000 / 500);
  });

  it('of how numbers are written', () => {
    const text = JSON.stringify({ resourceType: 'Patient', contact: many(5_000, () => ({ telecom: [{ rank: 7 }] })) });
    const faulty = text.replaceAll('"rank":7', () => '"rank":7').replace(/"rank":7(?=}]}]})/, '"rank":7.0');
    const { value, steps } = counted(numberSteps(parseExact(Buffer.from(faulty)), definitions));
    expect(places(value)).toEqual(['Patient.contact[4999].telecom[0].rank']);
    expect(steps).toBeGreaterThanOrEqual(10_000 / 500);
  });
});

/** The issues of a resource, and how often others might have run. */
async function checked(
  resource: Resource,
  level: 'base' | 'profiles',
  validator = new Validator(definitions, nothing),
) {
  let pauses = 0;
  const time = new CheckTime(seconds, () => {
    pauses += 1;
    return undefined;
  });
  return { issues: shown(await validator.validate({ resource, level, budget: time })), pauses };
}

describe('the rules', () => {
  it('of a long list, of resources within it and of what they contain', async () => {
    const contained = [{ resourceType: 'Patient', id: 'a' }];
    const entry = many(3_000, (n) => ({
      fullUrl: n === 2_500 ? 'no-url' : `http://x.example/Observation/${n}`,
      resource: {
        resourceType: 'Observation',
        id: `${n}`,
        ...(n === 1_700 ? {} : { status: 'final' }),
        code: { text: 'x' },
        contained,
        subject: { reference: n === 2_900 ? '#b' : '#a' },
      },
    }));
    const { issues, pauses } = await checked({ resourceType: 'Bundle', type: 'collection', entry }, 'profiles');
    expect(issues.filter((line) => line.startsWith('error')).toSorted()).toEqual([
      'error bundle-full-url Bundle.entry[2500].fullUrl',
      'error cardinality Bundle.entry[1700].resource.status',
      'error dom-3 Bundle.entry[2900].resource.contained[0]',
      'error ref-1 Bundle.entry[2900].resource.subject.reference',
    ]);
    expect(pauses).toBeGreaterThanOrEqual((2 * 6_000) / 500);
  });

  it('of what is contained, which the last item may refer to', async () => {
    const contained = ['a', 'b', 'c'].map((id) => ({ resourceType: 'Patient', id }));
    const entry = many(5_000, (n) => ({ item: { reference: n === 4_999 ? '#c' : n === 2_500 ? '#b' : 'Patient/1' } }));
    const list = { resourceType: 'List', status: 'current', mode: 'working', contained, entry };
    expect((await checked(list, 'base')).issues).toEqual(['error dom-3 List.contained[0]']);
    const nested = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { ...list, id: 'x' } }] };
    expect((await checked(nested, 'base')).issues.filter((line) => !line.includes('bundle-full-url'))).toEqual([
      'error dom-3 Bundle.entry[0].resource.contained[0]',
    ]);
  });

  it('of what nests', async () => {
    const concept = (depth: number, code: string): object =>
      depth === 0 ? { display: code } : { code: `${code}-${depth}`, concept: [concept(depth - 1, code)] };
    const system = {
      resourceType: 'CodeSystem',
      url: 'http://x.example/cs',
      name: 'X',
      status: 'draft',
      content: 'complete',
      concept: many(200, (n) => concept(30, `${n}`)),
    } as unknown as Resource;
    const { issues, pauses } = await checked(system, 'base');
    expect(issues.filter((line) => line.includes('cardinality'))).toEqual(
      many(50, (n) => `error cardinality CodeSystem.concept[${n}]${'.concept[0]'.repeat(30)}.code`),
    );
    expect(pauses).toBeGreaterThanOrEqual(6_000 / 500);
  });
});

describe('csd-1', () => {
  const system = (concept: readonly object[], contained?: readonly object[]): Resource =>
    ({
      resourceType: 'CodeSystem',
      url: 'http://x.example/cs',
      name: 'X',
      status: 'draft',
      content: 'complete',
      concept,
      ...(contained === undefined ? {} : { contained }),
    }) as unknown as Resource;
  const twice = ['error csd-1 CodeSystem'];
  const about = (issues: readonly string[]) => issues.filter((line) => line.includes('csd-1'));

  it('is told once of a large code system, wherever the code comes again', async () => {
    const nested = (n: number, last: string) => ({
      code: `a${n}`,
      concept: [{ code: `b${n}`, concept: [{ code: last }] }],
    });
    const sound = many(2_000, (n) => nested(n, `c${n}`));
    const { issues, pauses } = await checked(system(sound), 'base');
    expect(about(issues)).toEqual([]);
    expect(pauses).toBeGreaterThan(10_000 / 500);
    expect(about((await checked(system([...sound, nested(2_000, 'b7'), nested(2_001, 'a1')]), 'base')).issues)).toEqual(
      twice,
    );
  });

  it('looks into what is contained, as its expression does', async () => {
    const contained = (code: string) => [
      { ...system([{ code: 'b', concept: [{ code }] }]), id: 'x' },
      {
        resourceType: 'ValueSet',
        id: 'y',
        status: 'draft',
        compose: { include: [{ system: 'x:y', concept: [{ code: 'd' }] }] },
      },
    ];
    expect(about((await checked(system([{ code: 'a' }], contained('c')), 'base')).issues)).toEqual([]);
    expect(about((await checked(system([{ code: 'a' }], contained('a')), 'base')).issues)).toEqual(twice);
    expect(about((await checked(system([{ code: 'a' }], contained('d')), 'base')).issues)).toEqual(twice);
  });
});

describe('the time', () => {
  const list: Resource = {
    resourceType: 'List',
    status: 'current',
    mode: 'working',
    entry: many(20_000, () => ({ item: { display: 'x' } })),
  };
  const validator = new Validator(definitions, nothing);

  it('stands still while others run, also that of the whole request', async () => {
    let clock = 0;
    const now = () => clock;
    const others = async () => {
      clock += 1000;
    };
    const whole = new CheckTime(200, undefined, undefined, now);
    const time = new CheckTime(100, others, whole, now);
    await time.during(async () => {
      clock += 30;
      await time.pause();
      clock += 20;
      expect(time.deadline()).toBe(clock + 50);
    });
    clock += 1000;
    expect(time.left).toBe(50);
    expect(whole.left).toBe(150);
    const next = new CheckTime(500, undefined, whole, now);
    expect(next.left).toBe(150);
    await expect(next.during(async () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    await next.during(async () => {
      clock += 151;
    });
    expect(next.left).toBe(-1);
    expect(next.isUsedUpByOthers).toBe(true);
    expect(time.isUsedUpByOthers).toBe(true);
  });

  it('counts all that is checked with it', async () => {
    const time = new CheckTime(seconds);
    const before = time.left;
    await validator.validate({ resource: list, level: 'base', budget: time });
    const between = time.left;
    await validator.validate({ resource: list, level: 'base', budget: time });
    expect(between).toBeLessThan(before);
    expect(time.left).toBeLessThan(between);
  });

  it('ends with that of the whole request, and says so', async () => {
    const whole = new CheckTime(0);
    const own = new CheckTime(seconds, undefined, whole);
    const issues = await validator.validate({ resource: list, level: 'base', budget: own });
    expect(issues.at(-1)).toMatchObject({ code: 'too-costly', expression: ['List'] });
    expect(issues.at(-1)?.diagnostics).toContain('what came before it in the Bundle');
    const alone = await validator.validate({ resource: list, level: 'base', budget: new CheckTime(0) });
    expect(alone.at(-1)?.diagnostics).toContain('takes more than 0 ms');
  });
});
