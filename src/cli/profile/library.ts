/** What other folders of research cases define already. https://hl7.org/fhir/R4/profiling.html */

import { isArray, isObject, type JsonObject, type Resource } from '../../fhir/resource.ts';
import type { FiledResource } from '../../jobs/profile-files.ts';
import type { AllowedValue, ColumnType } from './columns.ts';
import { csvColumnUrl } from './names.ts';

/** A field of `shared`, which several cases have. */
export interface SharedField {
  readonly title: string;
  readonly type: ColumnType;
  /** An example of its value, as an extension has it. */
  readonly example: JsonObject;
  /** The codings of a code; empty for others. */
  readonly codings: readonly Required<AllowedValue>[];
}

/** An outcome measure of `shared`. */
export interface SharedOutcome {
  readonly title: string;
  readonly columns: readonly string[];
}

export interface Library {
  /** By id. */
  readonly fields: ReadonlyMap<string, SharedField>;
  readonly outcomes: ReadonlyMap<string, SharedOutcome>;
  /** Which file defines a StructureDefinition, ValueSet or CodeSystem, by canonical. */
  readonly canonicals: ReadonlyMap<string, string>;
  /** Which file defines a search parameter of Procedure, by code. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What is in the files below `--into`; `shared`: the folder whose fields cases have in common. */
export function libraryOf(filed: readonly FiledResource[], shared: string): Library {
  const fields = new Map<string, SharedField>();
  const outcomes = new Map<string, SharedOutcome>();
  const canonicals = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const { file, resource } of filed) {
    const { url, id, type } = resource;
    if (typeof url === 'string') canonicals.set(url, file);
    if (resource.resourceType === 'SearchParameter') {
      const { base, code } = resource;
      if (isArray(base) && base.includes('Procedure') && typeof code === 'string') parameters.set(code, file);
    }
    if (resource.resourceType !== 'StructureDefinition' || id === undefined) continue;
    if (!file.startsWith(`${shared}/`)) continue;
    if (type === 'Observation') outcomes.set(id, { title: titled(resource), columns: columnsOf(resource) });
    const value = type === 'Extension' && isOfProcedure(resource) ? exampleIn(resource, filed) : undefined;
    if (value !== undefined) fields.set(id, { title: titled(resource), ...value });
  }
  return { fields, outcomes, canonicals, parameters };
}

const titled = ({ title, id = '' }: Resource): string => (typeof title === 'string' ? title : id);

function isOfProcedure({ context }: Resource): boolean {
  return isArray(context) && context.some((each) => isObject(each) && each.expression === 'Procedure');
}

/** The elements of a differential. */
export function elementsOf({ differential }: Resource): readonly JsonObject[] {
  return isObject(differential) && isArray(differential.element) ? differential.element.filter(isObject) : [];
}

/** The columns that a differential names, in its order. */
export function columnsOf(resource: Resource): readonly string[] {
  return elementsOf(resource).flatMap(({ extension }) => {
    if (!isArray(extension)) return [];
    const found = extension.filter(isObject).find(({ url }) => url === csvColumnUrl)?.valueString;
    return typeof found === 'string' ? [found] : [];
  });
}

const types: Readonly<Record<string, ColumnType>> = {
  CodeableConcept: 'code',
  Quantity: 'quantity',
  string: 'string',
  boolean: 'boolean',
  integer: 'integer',
  decimal: 'decimal',
  date: 'date',
  dateTime: 'dateTime',
};

/** The type of a field's extension, and an example of its value as an extension has it. */
function exampleIn(resource: Resource, filed: readonly FiledResource[]): Omit<SharedField, 'title'> | undefined {
  const element = elementsOf(resource).find(({ path }) => path === 'Extension.value[x]');
  const [first] = isArray(element?.type) ? element.type.filter(isObject) : [];
  const dataType = typeof first?.code === 'string' ? first.code : '';
  const type = types[dataType];
  if (type === undefined || element === undefined) return undefined;
  if (type === 'quantity') {
    const unit = isObject(element.patternQuantity) ? element.patternQuantity : {};
    return { type, example: { valueQuantity: { value: 50, ...unit } }, codings: [] };
  }
  if (type !== 'code') return { type, example: exampleValue(type), codings: [] };
  const set = isObject(element.binding) ? element.binding.valueSet : undefined;
  const codings = filed.flatMap(({ resource: each }) => (each.url === set ? codingsOf(each, filed) : []));
  const [coding] = codings;
  return coding === undefined
    ? undefined
    : { type, example: { valueCodeableConcept: { coding: [{ ...coding }] } }, codings };
}

/** The codes of a value set of ours. */
function codingsOf({ compose }: Resource, filed: readonly FiledResource[]): readonly Required<AllowedValue>[] {
  const includes = isObject(compose) && isArray(compose.include) ? compose.include.filter(isObject) : [];
  return includes.flatMap(({ system, concept }) => {
    const listed = concept ?? filed.find(({ resource }) => resource.url === system)?.resource.concept;
    const concepts = isArray(listed) ? listed.filter(isObject) : [];
    return concepts.map(({ code, display }) => ({
      system: String(system),
      code: String(code),
      display: String(display ?? code),
    }));
  });
}

/** An example of a value of a type without codes or units, as an extension or Observation has it. */
export function exampleValue(type: ColumnType): JsonObject {
  switch (type) {
    case 'boolean':
      return { valueBoolean: true };
    case 'integer':
      return { valueInteger: 2 };
    case 'decimal':
      return { valueDecimal: 12.5 };
    case 'date':
      return { valueDate: '2024-03-12' };
    case 'dateTime':
      return { valueDateTime: '2024-03-12' };
    default:
      return { valueString: 'Example' };
  }
}
