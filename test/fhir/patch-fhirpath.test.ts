/** FHIRPath Patch. https://hl7.org/fhir/R4/fhirpatch.html */
import { describe, expect, it, vi } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { isExactObject } from '../../src/fhir/exact-json.ts';
import { sameValue } from '../../src/fhir/patch/exact-compare.ts';
import { applyFhirPathPatch } from '../../src/fhir/patch/fhirpath-patch.ts';
import { exact, exactResource, outcomeOf, readCases, textOf } from './patch-cases.ts';

const definitions = loadDefinitions();

describe('the cases of fhir-test-cases', () => {
  const cases = readCases('fhirpath-patch-cases.json');
  it('are there', () => expect(cases).toHaveLength(33));
  for (const { name, input, patch, output } of cases) {
    it(String(name), () => {
      if (!isExactObject(input ?? null) || patch === undefined) throw new Error('a case has an input and a patch');
      const resource = exactResource(textOf(input ?? null));
      if (output === undefined) {
        expect(outcomeOf(() => applyFhirPathPatch(resource, patch, definitions)).status).toBe(422);
      } else {
        const result = applyFhirPathPatch(resource, patch, definitions);
        expect(sameValue(result, output), textOf(result)).toBe(true);
      }
      expect(textOf(resource)).toBe(textOf(input ?? null));
    });
  }
});

type Value = Readonly<Record<string, unknown>>;

/** One operation; `value` has `valueDate`, or `part`. */
function operation(
  type: string,
  path: string,
  others: {
    readonly name?: string;
    readonly value?: Value;
    readonly index?: number;
    readonly source?: number;
    readonly destination?: number;
  } = {},
): Value {
  const { name, value, ...numbers } = others;
  return {
    name: 'operation',
    part: [
      { name: 'type', valueCode: type },
      { name: 'path', valueString: path },
      ...(name === undefined ? [] : [{ name: 'name', valueString: name }]),
      ...Object.entries(numbers).map(([part, valueInteger]) => ({ name: part, valueInteger })),
      ...(value === undefined ? [] : [{ name: 'value', ...value }]),
    ],
  };
}

const parameters = (...operations: readonly Value[]): string =>
  JSON.stringify({ resourceType: 'Parameters', parameter: operations });

const apply = (resource: unknown, ...operations: readonly Value[]): string =>
  textOf(applyFhirPathPatch(exactResource(resource), exact(parameters(...operations)), definitions));

const failing = (resource: unknown, ...operations: readonly Value[]) => outcomeOf(() => apply(resource, ...operations));

describe('choice elements', () => {
  const bare = '{"resourceType":"Observation","status":"final"}';
  const measured = '{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"mmol/l"},"status":"final"}';

  it('are added under the name of the value’s type', () => {
    expect(
      apply(bare, operation('add', 'Observation', { name: 'value', value: { valueQuantity: { unit: 'kg' } } })),
    ).toBe('{"resourceType":"Observation","status":"final","valueQuantity":{"unit":"kg"}}');
    expect(apply(bare, operation('add', 'Observation', { name: 'valueString', value: { valueString: 'x' } }))).toBe(
      '{"resourceType":"Observation","status":"final","valueString":"x"}',
    );
  });

  it('take one value only, whatever its type', () => {
    expect(
      failing(measured, operation('add', 'Observation', { name: 'value', value: { valueString: 'x' } })).status,
    ).toBe(422);
  });

  it('change their type in their place', () => {
    expect(apply(measured, operation('replace', 'Observation.value', { value: { valueString: 'x' } }))).toBe(
      '{"resourceType":"Observation","valueString":"x","status":"final"}',
    );
  });

  it('refuse a type that is none of theirs', () => {
    const error = failing(
      bare,
      operation('add', 'Observation', { name: 'value', value: { valueAddress: { city: 'x' } } }),
    );
    expect(error.status).toBe(422);
    expect(error.message).toContain('Quantity');
  });

  it('are found with a type test, and their members keep their text', () => {
    expect(
      apply(measured, operation('replace', 'Observation.value.ofType(Quantity).unit', { value: { valueString: 'g' } })),
    ).toBe(measured.replace('mmol/l', 'g'));
    expect(apply(measured, operation('delete', '(Observation.value as Quantity).unit'))).toBe(
      '{"resourceType":"Observation","valueQuantity":{"value":5.40},"status":"final"}',
    );
  });
});

describe('values', () => {
  it('keep the text of their numbers', () => {
    const patch = parameters(
      operation('replace', 'Observation.value', { value: { valueQuantity: { unit: 'kg' } } }),
    ).replace('"unit":"kg"', '"value":70.50,"unit":"kg"');
    const resource = exactResource('{"resourceType":"Observation","valueInteger":3}');
    expect(textOf(applyFhirPathPatch(resource, exact(patch), definitions))).toBe(
      '{"resourceType":"Observation","valueQuantity":{"value":70.50,"unit":"kg"}}',
    );
  });

  it('of anonymous types nest, repeat and have choices', () => {
    const component = {
      part: [
        {
          name: 'code',
          part: [
            { name: 'coding', valueCoding: { code: 'a' } },
            { name: 'coding', valueCoding: { code: 'b' } },
          ],
        },
        { name: 'value', valueQuantity: { unit: 'kg' } },
        { name: 'interpretation', valueCodeableConcept: { text: 'high' } },
      ],
    };
    expect(
      apply({ resourceType: 'Observation' }, operation('add', 'Observation', { name: 'component', value: component })),
    ).toBe(
      '{"resourceType":"Observation","component":[{"code":{"coding":[{"code":"a"},{"code":"b"}]},"valueQuantity":{"unit":"kg"},"interpretation":[{"text":"high"}]}]}',
    );
  });

  it('build an extension from parts', () => {
    const extension = {
      part: [
        { name: 'url', valueUri: 'http://example.org/e' },
        { name: 'value', valueString: 'x' },
      ],
    };
    expect(
      apply({ resourceType: 'Patient' }, operation('add', 'Patient', { name: 'extension', value: extension })),
    ).toBe('{"resourceType":"Patient","extension":[{"url":"http://example.org/e","valueString":"x"}]}');
  });

  it('may be resources, where resources are', () => {
    const value = { resource: { resourceType: 'Organization', id: 'o' } };
    expect(apply({ resourceType: 'Patient' }, operation('add', 'Patient', { name: 'contained', value }))).toBe(
      '{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o"}]}',
    );
    expect(failing({ resourceType: 'Patient' }, operation('add', 'Patient', { name: 'name', value })).status).toBe(422);
  });

  it('of the wrong type are refused', () => {
    const patient = { resourceType: 'Patient', birthDate: '1970-01-01' };
    const wrong: readonly Value[] = [
      operation('replace', 'Patient.birthDate', { value: { valueBoolean: true } }),
      operation('replace', 'Patient.birthDate', { value: { valueString: '1980-01-01' } }),
      operation('replace', 'Patient.birthDate', { value: { part: [{ name: 'year', valueInteger: 1980 }] } }),
      operation('add', 'Patient', { name: 'name', value: { valueAddress: {} } }),
      operation('add', 'Patient', { name: 'contact', value: { valueHumanName: {} } }),
      operation('add', 'Patient', { name: 'nonsense', value: { valueString: 'x' } }),
      operation('add', 'Patient', { name: 'contact', value: { part: [{ name: 'nonsense', valueString: 'x' }] } }),
    ];
    for (const each of wrong) expect(failing(patient, each).status).toBe(422);
  });

  it('of a specialised type fit its base', () => {
    expect(
      apply(
        { resourceType: 'Patient' },
        operation('add', 'Patient', { name: 'gender', value: { valueString: 'male' } }),
      ),
    ).toContain('"gender":"male"');
  });
});

describe('primitives with extensions', () => {
  const patient =
    '{"resourceType":"Patient","birthDate":"1970-01-01","_birthDate":{"extension":[{"url":"u","valueString":"x"}]},"name":[{"given":["a","b"],"_given":[null,{"id":"g"}]}]}';

  it('are replaced and deleted whole', () => {
    expect(
      apply(patient, operation('replace', 'Patient.birthDate', { value: { valueDate: '1980-01-01' } })),
    ).not.toContain('_birthDate');
    expect(apply(patient, operation('delete', 'Patient.birthDate'))).toBe(
      '{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{"id":"g"}]}]}',
    );
  });

  it('take the extension that the value brings', () => {
    const value = { valueDate: '1980-01-01', _valueDate: { id: 'd' } };
    expect(apply({ resourceType: 'Patient' }, operation('add', 'Patient', { name: 'birthDate', value }))).toBe(
      '{"resourceType":"Patient","birthDate":"1980-01-01","_birthDate":{"id":"d"}}',
    );
  });

  it('keep values and extensions of a list in step', () => {
    const given = (text: string) => text.slice(text.indexOf('"given"'));
    expect(
      given(apply(patient, operation('add', 'Patient.name[0]', { name: 'given', value: { valueString: 'c' } }))),
    ).toBe('"given":["a","b","c"],"_given":[null,{"id":"g"},null]}]}');
    expect(
      given(apply(patient, operation('insert', 'Patient.name[0].given', { index: 0, value: { valueString: 'c' } }))),
    ).toBe('"given":["c","a","b"],"_given":[null,null,{"id":"g"}]}]}');
    expect(given(apply(patient, operation('move', 'Patient.name[0].given', { source: 1, destination: 0 })))).toBe(
      '"given":["b","a"],"_given":[{"id":"g"},null]}]}',
    );
    expect(given(apply(patient, operation('delete', 'Patient.name[0].given[1]')))).toBe('"given":["a"]}]}');
    expect(given(apply(patient, operation('delete', 'Patient.name[0].given[0]')))).toBe(
      '"given":["b"],"_given":[{"id":"g"}]}]}',
    );
  });

  it('have members of their own', () => {
    expect(
      apply(patient, operation('replace', 'Patient.birthDate.extension[0].value', { value: { valueCode: 'y' } })),
    ).toContain('"_birthDate":{"extension":[{"url":"u","valueCode":"y"}]}');
    expect(apply(patient, operation('delete', "Patient.birthDate.extension('u')"))).not.toContain('_birthDate');
    const value = {
      part: [
        { name: 'url', valueUri: 'v' },
        { name: 'value', valueBoolean: true },
      ],
    };
    expect(
      apply(
        { resourceType: 'Patient', gender: 'male' },
        operation('add', 'Patient.gender', { name: 'extension', value }),
      ),
    ).toBe('{"resourceType":"Patient","gender":"male","_gender":{"extension":[{"url":"v","valueBoolean":true}]}}');
    expect(apply(patient, operation('delete', 'Patient.name[0].given[1].id'))).toContain('"given":["a","b"]}');
  });
});

describe('paths', () => {
  const patient = {
    resourceType: 'Patient',
    contained: [{ resourceType: 'Organization', id: 'o', name: 'old' }],
    name: [
      { use: 'official', family: 'a', given: ['b', 'c'] },
      { use: 'usual', given: ['d'] },
    ],
    telecom: [
      { system: 'phone', value: '1' },
      { system: 'email', value: '2' },
    ],
  };

  it('filter, index and reach into contained resources', () => {
    expect(
      apply(
        patient,
        operation('replace', "Patient.telecom.where(system = 'email').value", { value: { valueString: '3' } }),
      ),
    ).toContain('{"system":"email","value":"3"}');
    expect(
      apply(patient, operation('replace', 'Patient.contained[0].name', { value: { valueString: 'new' } })),
    ).toContain('"name":"new"');
    expect(
      apply(patient, operation('replace', "Patient.contained.where(id = 'o').name", { value: { valueString: 'new' } })),
    ).toContain('"name":"new"');
    expect(apply(patient, operation('replace', 'Patient.name.given[2]', { value: { valueString: 'x' } }))).toContain(
      '"given":["x"]',
    );
    expect(apply(patient, operation('delete', 'Patient.name.last()'))).not.toContain('usual');
  });

  it('that select several elements, none, or no element are 422', () => {
    const faults: readonly Value[] = [
      operation('delete', 'Patient.name'),
      operation('replace', 'Patient.name.use', { value: { valueCode: 'old' } }),
      operation('replace', 'Patient.gender', { value: { valueCode: 'male' } }),
      operation('add', 'Patient.contact[0]', { name: 'gender', value: { valueCode: 'male' } }),
      operation('delete', 'Patient'),
      operation('replace', '1 + 1', { value: { valueInteger: 3 } }),
      operation('delete', 'Patient.name[0].family.substring(0, 1)'),
      operation('replace', 'Patient.__proto__', { value: { valueString: 'x' } }),
      operation('replace', 'Patient.resourceType', { value: { valueCode: 'Person' } }),
      operation('replace', 'Patient.name.resolve()', { value: { valueString: 'x' } }),
      operation('insert', 'Patient.contact', { index: 0, value: { part: [{ name: 'gender', valueCode: 'male' }] } }),
      operation('insert', 'Patient.name', { index: 3, value: { valueHumanName: { text: 'x' } } }),
      operation('insert', 'Patient.name[1]', { index: 0, value: { valueHumanName: { text: 'x' } } }),
      operation('insert', 'Patient.name.given', { index: 0, value: { valueString: 'x' } }),
      operation('insert', 'Patient.name[0].family', { index: 0, value: { valueString: 'x' } }),
      operation('move', 'Patient.name', { source: 0, destination: 2 }),
      operation('move', 'Patient.name', { source: 2, destination: 0 }),
    ];
    for (const each of faults) {
      const error = failing(patient, each);
      expect(error.status, JSON.stringify(each)).toBe(422);
      expect(error.issues[0]?.expression).toEqual(['Parameters.parameter[0]']);
    }
  });

  it('that are no FHIRPath, or have functions that can not be run, are 400', () => {
    for (const path of [
      'Patient.name[',
      'Patient..name',
      "Patient.name.where(family.encode('hex').contains('61'))",
      'Patient.name.nothing()',
      "Patient.name.where(use.memberOf('http://example.org/v').empty()).first()",
      "Patient.name.where(conformsTo('http://example.org/p').not()).first()",
      "Patient.text.where(`div`.htmlChecks().empty() or id.encode('hex') = '61')",
      'x'.repeat(5000),
    ]) {
      expect(failing(patient, operation('delete', path)).status).toBe(400);
    }
  });

  it('that take too long are 422', () => {
    const much = { resourceType: 'Patient', name: Array.from({ length: 20_000 }, (_, n) => ({ family: `a${n}` })) };
    const path =
      'Patient.name.where((family | %resource.name.select((family | %resource.name.family).count())).empty())';
    const error = failing(much, operation('delete', path));
    expect(error.status).toBe(422);
    expect(error.issues[0]?.code).toBe('too-costly');
  });

  it('compute with numbers of any size at once', () => {
    const path = 'Patient.name.where(((10).power(1000000000) mod 7) = 1)';
    const begun = performance.now();
    expect(() => apply(patient, operation('delete', path))).not.toThrow();
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('of a delete may find nothing', () => {
    expect(
      apply(patient, operation('delete', 'Patient.gender'), operation('delete', "Patient.name.where(use = 'old')")),
    ).toBe(JSON.stringify(patient));
  });
});

describe('a malformed patch is 400', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['no Parameters', { resourceType: 'Patient' }],
    ['an array', []],
    ['a parameter of another name', { resourceType: 'Parameters', parameter: [{ name: 'other', part: [] }] }],
    ['an operation without parts', { resourceType: 'Parameters', parameter: [{ name: 'operation' }] }],
    [
      'no type',
      {
        resourceType: 'Parameters',
        parameter: [{ name: 'operation', part: [{ name: 'path', valueString: 'Patient' }] }],
      },
    ],
    ['an unknown type', { resourceType: 'Parameters', parameter: [operation('change', 'Patient.name')] }],
    [
      'no path',
      { resourceType: 'Parameters', parameter: [{ name: 'operation', part: [{ name: 'type', valueCode: 'delete' }] }] },
    ],
    ['no value', { resourceType: 'Parameters', parameter: [operation('replace', 'Patient.name')] }],
    [
      'an empty value',
      { resourceType: 'Parameters', parameter: [operation('replace', 'Patient.name', { value: {} })] },
    ],
    [
      'two values',
      {
        resourceType: 'Parameters',
        parameter: [operation('replace', 'Patient.id', { value: { valueId: 'a', valueCode: 'a' } })],
      },
    ],
    ['no name', { resourceType: 'Parameters', parameter: [operation('add', 'Patient', { value: { valueId: 'a' } })] }],
    [
      'no index',
      {
        resourceType: 'Parameters',
        parameter: [operation('insert', 'Patient.name', { value: { valueHumanName: {} } })],
      },
    ],
    [
      'a negative index',
      {
        resourceType: 'Parameters',
        parameter: [operation('insert', 'Patient.name', { index: -1, value: { valueHumanName: {} } })],
      },
    ],
    [
      'a part that is not of the operation',
      { resourceType: 'Parameters', parameter: [operation('delete', 'Patient.name', { index: 0 })] },
    ],
  ];
  for (const [title, document] of cases) {
    it(title, () => {
      expect(
        outcomeOf(() => applyFhirPathPatch(exactResource({ resourceType: 'Patient' }), exact(document), definitions))
          .status,
      ).toBe(400);
    });
  }

  it('names the operation', () => {
    const error = failing(
      { resourceType: 'Patient' },
      operation('delete', 'Patient.name'),
      operation('change', 'Patient.name'),
    );
    expect(error.message).toContain('Operation 2');
    expect(error.issues[0]?.expression).toEqual(['Parameters.parameter[1]']);
  });
});

it('keeps every other number as written', () => {
  const resource =
    '{"resourceType":"Observation","component":[{"valueQuantity":{"value":1.00}},{"valueQuantity":{"value":1e-20}}],"valueQuantity":{"value":-0.0}}';
  expect(apply(resource, operation('move', 'Observation.component', { source: 0, destination: 1 }))).toBe(
    '{"resourceType":"Observation","component":[{"valueQuantity":{"value":1e-20}},{"valueQuantity":{"value":1.00}}],"valueQuantity":{"value":-0.0}}',
  );
});

it('writes nothing of the resource anywhere for a path with trace()', () => {
  const written = vi.spyOn(console, 'log');
  try {
    const resource = '{"resourceType":"Patient","name":[{"family":"Secret"}]}';
    const path = "Patient.name.trace('names').where(family = 'Secret')";
    expect(apply(resource, operation('delete', path))).toBe('{"resourceType":"Patient"}');
    expect(written).not.toHaveBeenCalled();
  } finally {
    written.mockRestore();
  }
});
