/** The structure definitions that the build leaves: those of R4, cut down. https://hl7.org/fhir/R4/structuredefinition.html */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { ResourceLines } from '../../src/fhir/definitions/resource-lines.ts';
import { builtInStructure } from '../../src/fhir/definitions/structures.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../../src/fhir/resource.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';

const objects = (value: JsonValue | undefined): readonly JsonObject[] => (isArray(value) ? value.filter(isObject) : []);

function elements(definition: JsonObject | undefined): readonly JsonObject[] {
  return isObject(definition?.snapshot) ? objects(definition.snapshot.element) : [];
}

const have = await haveR4Examples();

describe("R4's structure definitions", () => {
  it('has each type, and R4’s profiles and extensions', () => {
    const { resourceTypes, dataTypes } = loadDefinitions();
    for (const type of [...resourceTypes, ...dataTypes])
      expect(builtInStructure(`http://hl7.org/fhir/StructureDefinition/${type}`)?.type, type).toBe(type);
    expect(builtInStructure('http://hl7.org/fhir/StructureDefinition/bodyweight')?.derivation).toBe('constraint');
    expect(builtInStructure('http://hl7.org/fhir/StructureDefinition/patient-birthPlace')?.type).toBe('Extension');
    const lines = new ResourceLines<'StructureDefinition'>('structures.ndjson');
    expect(lines.urls('StructureDefinition').length).toBeGreaterThan(640);
  });

  it('has none by another url', () => {
    expect(builtInStructure('http://hl7.org/fhir/StructureDefinition/Nothing')).toBeUndefined();
    expect(builtInStructure('toString')).toBeUndefined();
  });

  it.skipIf(!have)('has the elements and the constraints that R4 has', async () => {
    // Where the package corrects an expression of R4 that says something else than its text.
    const corrected = new Set(['app-4', 'bdl-8', 'tim-9']);
    const shown = (definition: JsonObject | undefined): readonly string[] =>
      elements(definition).map((element) => {
        const keys = objects(element.constraint)
          .filter(({ key }) => key !== 'ele-1' && (key !== 'ext-1' || element.path === 'Extension'))
          .map(({ key, severity, expression }) =>
            corrected.has(String(key)) ? [key] : [key, severity, expression ?? ''],
          )
          .sort();
        return JSON.stringify([element.id, element.min, element.max, keys]);
      });
    let compared = 0;
    for await (const { file, bytes } of r4Examples()) {
      if (!file.startsWith('StructureDefinition-')) continue;
      const theirs: JsonObject = JSON.parse(bytes.toString('utf8'));
      const ours = typeof theirs.url === 'string' ? builtInStructure(theirs.url) : undefined;
      if (ours === undefined) continue;
      expect(new Set(shown(ours)), file).toEqual(new Set(shown(theirs)));
      compared += 1;
    }
    expect(compared).toBe(649);
  });
});
