/** R4's own definitions are among its examples: the snapshot says the same. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type ElementDefinition, loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';

interface R4Element {
  path: string;
  min: number;
  max: string;
  type?: { code: string; targetProfile?: string[]; extension?: { valueUrl?: string }[] }[];
  isSummary?: boolean;
  isModifier?: boolean;
  binding?: { strength: string; valueSet?: string };
  contentReference?: string;
}

interface R4Definition {
  url: string;
  version?: string;
  kind?: string;
  type: string;
  code: string;
  derivation?: string;
  experimental?: boolean;
  snapshot: { element: R4Element[] };
  base: string[];
  expression?: string;
  target?: string[];
  component?: { definition: string; expression: string }[];
  description?: string;
  resource: { code: string; param?: string[] }[];
  caseSensitive?: boolean;
}

const have = await haveR4Examples();
const definitions = loadDefinitions();
const structures: R4Definition[] = [];
const parameters: R4Definition[] = [];
const compartments: R4Definition[] = [];
const codeSystems: R4Definition[] = [];

beforeAll(async () => {
  if (!have) return;
  for await (const { file, bytes } of r4Examples()) {
    const [, kind] = /^(StructureDefinition|SearchParameter|CompartmentDefinition|CodeSystem)-/.exec(file) ?? [];
    if (kind === undefined) continue;
    const found: R4Definition = JSON.parse(bytes.toString('utf8'));
    if (kind === 'StructureDefinition') structures.push(found);
    else if (kind === 'SearchParameter') parameters.push(found);
    else if (kind === 'CodeSystem') codeSystems.push(found);
    else compartments.push(found);
  }
});

const last = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/** What the snapshot should have for an element of R4, choices opened. */
function expected(element: R4Element, backbones: ReadonlySet<string>) {
  const name = last(element.path.replaceAll('.', '/'));
  const choice = name.endsWith('[x]') ? name.slice(0, -3) : undefined;
  const types =
    element.contentReference === undefined ? (element.type ?? []) : [{ code: element.contentReference.slice(1) }];
  return types.map((type: NonNullable<R4Element['type']>[number]) => {
    const system = type.code.startsWith('http:');
    const code = backbones.has(element.path)
      ? element.path
      : system
        ? (type.extension?.[0]?.valueUrl ?? 'string')
        : type.code;
    return {
      name: choice === undefined ? name : choice + type.code.charAt(0).toUpperCase() + type.code.slice(1),
      type: code,
      min: element.min,
      array: element.max !== '1',
      summary: element.isSummary === true,
      modifier: element.isModifier === true,
      targets: (type.targetProfile ?? []).map(last).filter((target) => target !== 'Resource'),
      choice,
    };
  });
}

function actual(
  { name, type, min, array, summary, modifier, targets, choice }: ElementDefinition,
  resourceId: boolean,
) {
  // DEVIATION in R4's own data: Resource.id is called a string there, and an id in its text.
  return { name, type: resourceId ? 'string' : type, min, array, summary, modifier, targets, choice };
}

describe.skipIf(!have)("R4's own definitions", () => {
  it('are found', () => {
    expect(structures.length).toBeGreaterThan(600);
    expect(parameters.length).toBeGreaterThan(1390);
    expect(compartments.length).toBeGreaterThanOrEqual(5);
  });

  it('have the same elements', () => {
    let compared = 0;
    for (const structure of structures) {
      if (structure.derivation === 'constraint' || structure.kind === 'logical') continue;
      const elements = structure.snapshot.element;
      const backbones = new Set(elements.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf('.')))));
      for (const path of backbones) {
        if (path === '') continue;
        const type = definitions.type(path);
        const wanted = elements
          .filter((element) => element.path.slice(0, element.path.lastIndexOf('.')) === path && element.max !== '0')
          .filter((element) => !(type?.kind === 'primitive' && element.path.endsWith('.value')))
          .flatMap((element) => expected(element, backbones));
        const got = [...(type?.elements.values() ?? [])].map((element) =>
          actual(element, type?.kind === 'resource' && element.name === 'id'),
        );
        expect(got, path).toEqual(wanted);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(600);
  });

  it('bind the same codes', () => {
    for (const structure of structures) {
      if (structure.derivation === 'constraint' || structure.kind === 'logical') continue;
      for (const { path, type, binding } of structure.snapshot.element) {
        if (type?.length !== 1 || type[0]?.code !== 'code' || binding?.valueSet === undefined) continue;
        const at = path.lastIndexOf('.');
        expect(definitions.type(path.slice(0, at))?.elements.get(path.slice(at + 1))?.binding, path).toEqual({
          strength: binding.strength,
          valueSet: binding.valueSet,
        });
      }
    }
  });

  it('have the same search parameters', () => {
    const own = new Map(definitions.searchParameters.map((parameter) => [parameter.url, parameter]));
    const seen = new Set<string>();
    for (const parameter of parameters) {
      const found = own.get(parameter.url);
      if (found === undefined) continue;
      seen.add(parameter.url);
      expect(found, parameter.url).toMatchObject({
        code: parameter.code,
        type: parameter.type,
        base: parameter.base,
        target: parameter.target ?? [],
        components: (parameter.component ?? []).map(({ definition, expression }) => ({ definition, expression })),
      });
      expect(found.expression).toBe(parameter.expression);
    }
    expect([...own.keys()].filter((url) => !seen.has(url))).toEqual([]);
    // What is left are parameters on extensions, and examples of parameters.
    const left = parameters.filter(({ url }) => !own.has(url)).map(({ url }) => last(url));
    expect(left.filter((id) => !/^(.*-extensions-|.*-genetic-|example|filter)/.test(id))).toEqual([]);
  });

  it('have the same compartments', () => {
    for (const { code, url, resource } of compartments.filter((compartment) => !compartment.url.includes('example'))) {
      const wanted = resource.filter(({ param }) => param !== undefined).map(({ code, param }) => [code, param]);
      expect(definitions.compartments.get(code)?.url).toBe(url);
      expect([...(definitions.compartments.get(code)?.parameters ?? [])], code).toEqual(wanted);
    }
  });

  it('say the same of case', () => {
    for (const { url, caseSensitive } of codeSystems)
      if (caseSensitive !== undefined && url.startsWith('http://hl7.org/fhir/') && !url.includes('example'))
        expect(definitions.caseSensitive(url), url).toBe(caseSensitive);
  });
});
