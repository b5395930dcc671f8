/** Snapshots that are made here and those that US Core and IPS publish say the same to validation, but where a reason is named. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResourceLines } from '../../../src/fhir/definitions/resource-lines.ts';
import { builtInStructure } from '../../../src/fhir/definitions/structures.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../src/fhir/resource.ts';
import { equal, objectsOf, textOf, typesOf } from '../../../src/validation/profile/element.ts';
import { typeTree } from '../../../src/validation/profile/structures.ts';
import { treeOf } from '../../../src/validation/profile/tree.ts';
import { elementsOf, snapshotsOf } from './snapshots.ts';
import { filed, haveData, ips, packaged, profileOf, sourceOf, usCore } from './source.ts';

/** What validation reads of an element, by name. */
const read: Readonly<Record<string, (element: JsonObject) => JsonValue>> = {
  min: ({ min = 0 }) => min,
  max: ({ max = '*' }) => max,
  type: (element) => typesOf(element).map(({ code, profiles, targets }) => [code, profiles, targets]),
  value: (element) =>
    Object.entries(element).flatMap(([name, value]) =>
      /^(?:fixed|pattern|m..Value)[A-Z]/.test(name) ? [[name, value ?? null]] : [],
    ),
  maxLength: ({ maxLength = null }) => maxLength,
  binding: ({ binding }) => (isObject(binding) ? [binding.strength ?? null, binding.valueSet ?? null] : null),
  slicing: ({ slicing }) =>
    isObject(slicing) ? [slicing.discriminator ?? null, slicing.rules ?? null, slicing.ordered === true] : null,
  constraint: (element) => constraintsOf(element),
};

function constraintsOf(element: JsonObject): readonly string[] {
  // Those of a type are checked with the type.
  const types = typesOf(element).flatMap(({ code }) => objectsOf(typeTree(code)?.element.constraint));
  const own = objectsOf(element.constraint).map(({ key }) => textOf(key) ?? '');
  return own.filter((key) => !['ele-1', 'ext-1'].includes(key) && !types.some((each) => each.key === key)).sort();
}

function elements(definition: JsonObject): ReadonlyMap<string, JsonObject> {
  const snapshot = isObject(definition.snapshot) ? definition.snapshot : {};
  return new Map(objectsOf(snapshot.element).map((element) => [textOf(element.id) ?? '', element]));
}

/** What published snapshots say otherwise, and why that is the same or right here. */
const exceptions: readonly (readonly [RegExp, string])[] = [
  [
    /^us-core-(?:observation-occupation|smokingstatus|observation-pregnancy\w+) Observation\.(?:value|effective)\[x\] (?:min|type|slicing)$/,
    'valueQuantity with min 1 is published as the only type of value[x], with min 1: as there is one value at most, the slice says the same',
  ],
  [
    /^us-core-(?:blood-pressure|pulse-oximetry|observation-occupation) Observation\.component:\w+\.value\[x\](?:\.\w+| slicing)$/,
    'valueQuantity within a slice is published as the only type of value[x]; R4 has it as the slice of that type, as it is published outside of slices',
  ],
  [
    /^Range-uv-ips Range\.(?:low|high) constraint$/,
    "SimpleQuantity's constraint is published with the element, and checked with SimpleQuantity",
  ],
  [
    /^Observation-results-(?:laboratory|pathology)-uv-ips Observation\.value\[x\] slicing$/,
    'it is published as open, though the differential closes it',
  ],
];

/** What two snapshots of a definition disagree on: `profile element member`. */
function differences(definition: JsonObject, made: readonly JsonObject[]): readonly string[] {
  const published = elements(definition);
  const own = new Map(made.map((element) => [textOf(element.id) ?? '', element]));
  const found: string[] = [];
  for (const [id, element] of own) {
    const other = published.get(id);
    // What slices take over from the element that is sliced is checked there, too.
    const unsliced = published.get(id.replace(/:[^.]+/g, ''));
    if (other === undefined) {
      if (!id.includes(':')) found.push(`${definition.id} ${id}`);
      continue;
    }
    for (const [name, value] of Object.entries(read)) {
      const mine = value(element);
      const same =
        equal(mine, value(other)) || (id.includes(':') && unsliced !== undefined && equal(mine, value(unsliced)));
      if (!same) found.push(`${definition.id} ${id} ${name}`);
    }
  }
  for (const id of published.keys()) if (!own.has(id)) found.push(`${definition.id} ${id}`);
  return found;
}

describe('snapshots', () => {
  it.skipIf(!haveData(usCore, ips))(
    'of US Core and IPS are those that are published',
    async () => {
      const definitions = await packaged(usCore, ips);
      const snapshot = snapshotsOf(sourceOf(definitions));
      const found: string[] = [];
      let profiles = 0;
      for (const { type, content } of definitions.all) {
        if (type !== 'StructureDefinition') continue;
        found.push(...differences(content(), await snapshot(content())));
        profiles += 1;
      }
      expect(profiles).toBe(95);
      expect(found.filter((each) => !exceptions.some(([pattern]) => pattern.test(each)))).toEqual([]);
      expect(exceptions.filter(([pattern]) => !found.some((each) => pattern.test(each)))).toEqual([]);
    },
    180_000,
  );

  it("of R4's definitions come back as they were read", () => {
    // They have slices of elements that they don't have themselves.
    const without = ['familymemberhistory-genetic', 'catalog'];
    for (const url of new ResourceLines<'StructureDefinition'>('structures.ndjson').urls('StructureDefinition')) {
      const definition = builtInStructure(url) ?? {};
      if (without.includes(textOf(definition.id) ?? '')) continue;
      const listed = isObject(definition.snapshot) ? objectsOf(definition.snapshot.element) : [];
      expect(elementsOf(treeOf(listed, textOf(definition.type) ?? '')), url).toEqual(listed);
    }
  });

  it('of snapshots are the same', async () => {
    const snapshot = snapshotsOf(sourceOf(filed()));
    await fc.assert(
      fc.asyncProperty(differentials, async (element) => {
        const definition = profileOf('Observation', element);
        const made = await snapshot(definition);
        const { differential: _differential, ...others } = definition;
        // Once more from the snapshot alone, and with it as the differential of the same base.
        expect(await snapshot({ ...others, snapshot: { element: made } })).toEqual(made);
        expect(await snapshot({ ...definition, differential: { element: made } })).toEqual(made);
      }),
      { numRuns: 60 },
    );
  });
});

/** Elements of Observation that a differential may have, in any choice. */
const said: readonly (readonly JsonObject[])[] = [
  [{ id: 'Observation.identifier', path: 'Observation.identifier', min: 1, mustSupport: true }],
  [
    {
      id: 'Observation.category',
      path: 'Observation.category',
      slicing: { discriminator: [{ type: 'pattern', path: '$this' }], rules: 'open' },
    },
    {
      id: 'Observation.category:a',
      path: 'Observation.category',
      sliceName: 'a',
      patternCodeableConcept: { text: 'a' },
    },
    { id: 'Observation.category:a.coding', path: 'Observation.category.coding', min: 1 },
    { id: 'Observation.category:a.coding.display', path: 'Observation.category.coding.display', max: '0' },
  ],
  [{ id: 'Observation.subject.reference', path: 'Observation.subject.reference', min: 1 }],
  [
    { id: 'Observation.value[x]:valueQuantity', path: 'Observation.value[x]', sliceName: 'valueQuantity', min: 1 },
    { id: 'Observation.value[x]:valueQuantity.code', path: 'Observation.value[x].code', fixedCode: 'kg' },
  ],
  [{ id: 'Observation.component.referenceRange.low', path: 'Observation.component.referenceRange.low', min: 1 }],
  [
    {
      id: 'Observation.component.code',
      path: 'Observation.component.code',
      constraint: [{ key: 'x-1', severity: 'error', human: 'x', expression: 'text.exists()' }],
    },
  ],
];

const differentials = fc.subarray([...said]).map((chosen) => chosen.flat());
