/** What the process that is killed writes, and how it is indexed. https://hl7.org/fhir/R4/http.html#transaction */
import type { Criterion, Parameter } from '../../src/search/criteria.ts';
import type { IndexEntry } from '../../src/search/entry.ts';
import type { ParameterDefinition } from '../../src/store/parameter-index.ts';
import type { Entries } from '../../src/store/write.ts';

export interface Named {
  /** The number of the commit. */
  readonly tag: number;
  readonly name?: string;
  /** A reference. */
  readonly of?: string;
  /** In the resource that ends a commit: how many versions it made, this one included. */
  readonly versions?: number;
}

export const namedParameters: readonly ParameterDefinition[] = ['name', 'tag', 'of'].flatMap((code) =>
  ['Patient', 'Basic'].map((type) => ({ type, code, definition: '1' })),
);

export function contentOf(bytes: Uint8Array): Named {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

export function reextractNamed(bytes: Uint8Array): Entries {
  return { entries: namedEntries(bytes) };
}

export function namedEntries(bytes: Uint8Array): readonly IndexEntry[] {
  const { tag, name, of } = contentOf(bytes);
  const [type = '', id = ''] = of?.split('/') ?? [];
  return [
    { parameter: 'tag', value: { kind: 'token', system: 'urn:tag', value: String(tag) } },
    ...(name === undefined
      ? []
      : [{ parameter: 'name', value: { kind: 'identifier', system: '', value: name } } as const]),
    ...(of === undefined ? [] : [{ parameter: 'of', value: { kind: 'reference', type, id, version: '' } } as const]),
  ];
}

const name: Parameter = {
  type: 'Patient',
  code: 'name',
  kind: 'token',
  multiple: false,
  textual: true,
  components: [],
};

export function identifiedBy(value: string): Criterion {
  return { kind: 'value', parameter: name, anyOf: [{ kind: 'token', system: '', code: value, fold: false }] };
}
