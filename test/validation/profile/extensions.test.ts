import { describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { filed, issuesOf, observation, profileOf, urlOf, validatorOf } from './source.ts';

/** An extension's definition with a value of a type, for elements. */
function extension(name: string, type: string, contexts: readonly string[], root: JsonObject = {}): Resource {
  return profileOf(
    'Extension',
    [
      { id: 'Extension', path: 'Extension', ...root },
      { path: 'Extension.extension', max: '0' },
      { path: 'Extension.url', fixedUri: urlOf(name) },
      { path: 'Extension.value[x]', min: 1, type: [{ code: type }] },
    ],
    { name, kind: 'complex-type', context: contexts.map((expression) => ({ type: 'element', expression })) },
  );
}

async function told(more: JsonObject, ...definitions: readonly Resource[]) {
  return issuesOf(validatorOf(filed(...definitions)), observation(more), ['error', 'warning']).then((issues) =>
    issues.filter((issue) => issue !== 'warning profile Observation.meta.profile[0]'),
  );
}

const side = extension('side', 'code', ['Observation.code', 'HumanName.family', 'Quantity']);

describe('an extension', () => {
  it('holds to its definition wherever it stands', async () => {
    expect(await told({ code: { text: 'x', extension: [{ url: urlOf('side'), valueCode: 'left' }] } }, side)).toEqual(
      [],
    );
    expect(await told({ code: { text: 'x', extension: [{ url: urlOf('side'), valueString: 'left' }] } }, side)).toEqual(
      ['error type Observation.code.extension[0].valueString'],
    );
  });

  it('stands where its definition allows: in elements, in those of data types, in values of a type', async () => {
    const own = [{ url: urlOf('side'), valueCode: 'left' }];
    expect(await told({ valueQuantity: { value: 1, extension: own } }, side)).toEqual([]);
    expect(await told({ method: { text: 'x', extension: own } }, side)).toEqual([
      'error extension-context Observation.method.extension[0]',
    ]);
    const patient = (more: JsonObject) => ({
      contained: [{ resourceType: 'Patient', id: 'p', name: [more] }],
      subject: { reference: '#p' },
    });
    expect(await told(patient({ family: 'x', _family: { extension: own } }), side)).toEqual([]);
    expect(await told(patient({ given: ['x'], _given: [{ extension: own }] }), side)).toEqual([
      'error extension-context Observation.contained[0].name[0].given[0].extension[0]',
    ]);
  });

  it('of an extension stands in that one alone', async () => {
    const inner = { ...extension('inner', 'code', []), context: [{ type: 'extension', expression: urlOf('outer') }] };
    const outer = profileOf('Extension', [{ path: 'Extension.url', fixedUri: urlOf('outer') }], {
      name: 'outer',
      context: [{ type: 'element', expression: 'Element' }],
    });
    const own = { url: urlOf('inner'), valueCode: 'x' };
    expect(await told({ extension: [{ url: urlOf('outer'), extension: [own] }] }, inner, outer)).toEqual([]);
    expect(await told({ extension: [own] }, inner, outer)).toEqual([
      'error extension-context Observation.extension[0]',
    ]);
  });

  it('that changes the meaning of its element is a modifierExtension, another one is not', async () => {
    const not = extension('not', 'boolean', ['Observation'], { isModifier: true });
    const own = [{ url: urlOf('not'), valueBoolean: true }];
    expect(await told({ modifierExtension: own }, not)).toEqual([]);
    expect(await told({ extension: own }, not)).toEqual(['error extension Observation.extension[0]']);
    const plain = extension('plain', 'boolean', ['Observation']);
    expect(await told({ modifierExtension: [{ url: urlOf('plain'), valueBoolean: true }] }, plain)).toEqual([
      'error extension Observation.modifierExtension[0]',
    ]);
  });

  it('whose definition is not here may stand anywhere; one that changes the meaning is warned of', async () => {
    const own = [{ url: 'http://x.example/unknown', valueCode: 'x' }];
    expect(await told({ extension: own })).toEqual([]);
    expect(await told({ modifierExtension: own })).toEqual(['warning extension Observation.modifierExtension[0]']);
  });

  it('whose definition names a value of one type alone has no other', async () => {
    const date = profileOf(
      'Extension',
      [{ path: 'Extension.url', fixedUri: urlOf('date') }, { path: 'Extension.valueDate' }],
      {
        name: 'date',
        context: [{ type: 'element', expression: 'Element' }],
      },
    );
    expect(await told({ extension: [{ url: urlOf('date'), valueDate: '2020' }] }, date)).toEqual([]);
    expect(await told({ extension: [{ url: urlOf('date'), valueDateTime: '2020' }] }, date)).toContain(
      'error type Observation.extension[0].valueDateTime',
    );
  });

  it('is a slice by its url in profiles that ask for it', async () => {
    const profile = profileOf('Observation', [
      {
        path: 'Observation.extension',
        sliceName: 'side',
        min: 1,
        max: '1',
        type: [{ code: 'Extension', profile: [urlOf('side')] }],
      },
    ]);
    const everywhere = extension('side', 'code', ['Element']);
    const own = { url: urlOf('side'), valueCode: 'left' };
    expect(
      await told({ extension: [{ url: 'http://x.example/y', valueCode: 'x' }, own] }, profile, everywhere),
    ).toEqual([]);
    expect(await told({}, profile, everywhere)).toEqual(['error slicing Observation.extension']);
    expect(await told({ extension: [own, own] }, profile, everywhere)).toEqual(['error slicing Observation.extension']);
  });

  it('stands where an expression of its definition leads', async () => {
    const coded = {
      ...extension('coded', 'string', []),
      context: [{ type: 'fhirpath', expression: "component.where(code.text = 'a')" }],
    };
    const own = { extension: [{ url: urlOf('coded'), valueString: 'x' }] };
    const component = (text: string) => ({ code: { text }, ...own });
    expect(await told({ component: [component('a'), component('b')] }, coded)).toEqual([
      'error extension-context Observation.component[1].extension[0]',
    ]);
    expect(await told(own, coded)).toEqual(['error extension-context Observation.extension[0]']);
  });

  it('keeps the rules of its definition, on the element that it stands in', async () => {
    const rules = ["code.text = 'a' or valueString.exists()", 'nonsense('];
    const ruled = { ...extension('ruled', 'string', ['Element']), contextInvariant: rules };
    const own = { extension: [{ url: urlOf('ruled'), valueString: 'x' }] };
    const written = observation({
      component: [
        { code: { text: 'a' }, ...own },
        { code: { text: 'b' }, ...own },
      ],
    });
    const found = await issuesOf(validatorOf(filed(ruled)), written, ['error', 'information']);
    expect(found).toEqual([
      'information extension-context Observation.component[0].extension[0]',
      'error extension-context Observation.component[1].extension[0]',
      'information extension-context Observation.component[1].extension[0]',
    ]);
  });

  describe('of elements that profiles have', () => {
    const coded = (code: string) => ({ code: { coding: [{ system: 'x:y', code }] } });
    const pressure = profileOf(
      'Observation',
      [
        {
          path: 'Observation.component',
          slicing: { discriminator: [{ type: 'pattern', path: 'code' }], rules: 'open' },
        },
        { path: 'Observation.component', sliceName: 'upper', min: 1 },
        { path: 'Observation.component.code', patternCodeableConcept: coded('upper').code },
      ],
      { name: 'pressure' },
    );
    const own = (name: string) => ({ extension: [{ url: urlOf(name), valueCode: 'x' }] });
    /** The errors of an observation with two components, of which the first is the slice. */
    const toldOf = async (upper: JsonObject, lower: JsonObject, profile: string, ...all: Resource[]) => {
      const component = [
        { ...coded('upper'), ...upper },
        { ...coded('lower'), ...lower },
      ];
      return issuesOf(validatorOf(filed(pressure, ...all)), observation({ component }, profile), ['error']);
    };
    const plain = 'http://hl7.org/fhir/StructureDefinition/Observation';
    const second = 'error extension-context Observation.component[1].extension[0]';

    it('stands in the slice that its definition names, of what conforms to the profile', async () => {
      const within = extension('within', 'code', [`${urlOf('pressure')}#Observation.component:upper`]);
      for (const profile of [plain, urlOf('pressure')]) {
        expect(await toldOf(own('within'), {}, profile, within)).toEqual([]);
        expect(await toldOf({}, own('within'), profile, within)).toEqual([second]);
      }
      const other = observation({ component: [{ ...coded('lower'), ...own('within') }] }, plain);
      expect(await issuesOf(validatorOf(filed(pressure, within)), other)).toEqual([
        'error extension-context Observation.component[0].extension[0]',
      ]);
    });

    it('stands in an element of the profile below a slice, a primitive too', async () => {
      const below = extension('below', 'code', [`${urlOf('pressure')}#Observation.component:upper.code.text`]);
      const text = (name: string) => ({ code: { ...coded(name).code, text: 'x', _text: own('below') } });
      const component = [text('upper'), text('lower')];
      expect(await issuesOf(validatorOf(filed(pressure, below)), observation({ component }, plain))).toEqual([
        'error extension-context Observation.component[1].code.text.extension[0]',
      ]);
    });

    it('stands in no element where the profile has none of that id', async () => {
      const absent = extension('absent', 'code', [`${urlOf('pressure')}#Observation.component:nothing`]);
      expect(await toldOf({}, own('absent'), plain, absent)).toEqual([second]);
    });

    it('may stand anywhere where the profile is not here', async () => {
      const unknown = extension('unknown', 'code', [`${urlOf('nowhere')}#Observation.component:upper`]);
      expect(await toldOf({}, own('unknown'), plain, unknown)).toEqual([]);
    });

    it('stands in the slice of a profile that the resource names, where its definition names none', async () => {
      const sliced = extension('sliced', 'code', ['Observation.component:upper']);
      expect(await toldOf(own('sliced'), {}, urlOf('pressure'), sliced)).toEqual([]);
      expect(await toldOf({}, own('sliced'), urlOf('pressure'), sliced)).toEqual([second]);
      // R4 has no such slice: which one is meant can't be told.
      expect(await toldOf({}, own('sliced'), plain, sliced)).toEqual([]);
      const resource = observation({ method: { text: 'x', ...own('sliced') } }, plain);
      expect(await issuesOf(validatorOf(filed(sliced)), resource)).toEqual([
        'error extension-context Observation.method.extension[0]',
      ]);
    });

    it("stands in the element of R4's type that its definition names by URL", async () => {
      const typed = extension('typed', 'code', [`${plain}#Observation.component`]);
      expect(await toldOf(own('typed'), own('typed'), plain, typed)).toEqual([]);
      const resource = observation(own('typed'), plain);
      expect(await issuesOf(validatorOf(filed(typed)), resource)).toEqual([
        'error extension-context Observation.extension[0]',
      ]);
    });

    it("stands in the element of a data type's profile", async () => {
      const grams = profileOf('Quantity', [{ path: 'Quantity.code', patternCode: 'g' }], {
        name: 'grams',
        kind: 'complex-type',
      });
      const quantified = extension('quantified', 'code', [`${urlOf('grams')}#Quantity.value`]);
      const quantity = (code: string) => ({
        valueQuantity: { value: 1, _value: own('quantified'), system: 'x:y', code },
      });
      const component = ['g', 'kg'].map((code) => ({ ...coded('upper'), ...quantity(code) }));
      expect(await issuesOf(validatorOf(filed(grams, quantified)), observation({ component }, plain))).toEqual([
        'error extension-context Observation.component[1].valueQuantity.value.extension[0]',
      ]);
    });
  });

  it("of R4 is known: its value's type, its context", async () => {
    const birthPlace = {
      url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace',
      valueAddress: { city: 'x' },
    };
    expect(await told({ extension: [birthPlace] })).toEqual(['error extension-context Observation.extension[0]']);
    const patient = {
      resourceType: 'Patient',
      id: 'p',
      extension: [{ ...birthPlace, valueString: 'x', valueAddress: undefined }],
    };
    const contained = [JSON.parse(JSON.stringify(patient))];
    expect(await told({ contained, subject: { reference: '#p' } })).toEqual([
      'error type Observation.contained[0].extension[0].valueString',
    ]);
  });
});
