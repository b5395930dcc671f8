/** A field of a research case: an extension, what it may hold, and how it is searched. https://hl7.org/fhir/R4/extensibility.html */

import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { ucumSystem } from '../../fhir/ucum.ts';
import type { Column } from './columns.ts';
import { type About, boundTo, definitionHead, structureDefinition, typed } from './definition.ts';
import { canonicalOf } from './names.ts';

/** The data type that a column's values have in FHIR. */
export function dataTypeOf({ type, unit }: Pick<Column, 'type' | 'unit'>): string {
  if (type === 'code') return 'CodeableConcept';
  return type === 'quantity' || unit !== undefined ? 'Quantity' : type;
}

/** The rules of a value: its type, its value set or its unit. `valueSet`: id of that of the allowed values. */
export function valueRules(column: Pick<Column, 'type' | 'unit'>, valueSet: string): JsonObject {
  const type = dataTypeOf(column);
  return {
    ...typed(type),
    ...(type === 'Quantity' && column.unit !== undefined ? { patternQuantity: unitPattern(column.unit) } : {}),
    ...(type === 'CodeableConcept' ? boundTo(canonicalOf('ValueSet', valueSet)) : {}),
  };
}

/** The unit of a Quantity. */
export function unitPattern(unit: string): JsonObject {
  return { unit, system: ucumSystem, code: unit };
}

/** The definition of a field's extension of a Procedure. */
export function extensionDefinition(
  about: About,
  column: Pick<Column, 'type' | 'unit' | 'code'>,
  context = 'Procedure',
): Resource {
  return structureDefinition({
    about,
    type: 'Extension',
    context: [context],
    elements: [
      { id: 'Extension.extension', rules: { max: '0' } },
      { id: 'Extension.url', rules: { fixedUri: canonicalOf('StructureDefinition', about.id) } },
      {
        id: 'Extension.value[x]',
        rules: {
          ...(column.code === undefined ? {} : { code: [{ ...column.code }] }),
          min: 1,
          ...valueRules(column, about.id),
        },
      },
    ],
  });
}

/** How search parameters of a data type are searched. */
const searchTypes: Readonly<Record<string, string>> = {
  CodeableConcept: 'token',
  boolean: 'token',
  string: 'string',
  integer: 'number',
  decimal: 'number',
  Quantity: 'quantity',
  date: 'date',
  dateTime: 'date',
};

/** A search parameter's definition, as its code and what it finds. */
export interface Searched {
  readonly about: About;
  readonly code: string;
  readonly type: string;
  readonly base: string;
  readonly expression: string;
}

export function searchParameter({ about, code, type, base, expression }: Searched): Resource {
  return { ...definitionHead('SearchParameter', about), code, base: [base], type, expression, xpathUsage: 'normal' };
}

/** The search parameter of the value that an extension of a Procedure has. `extension`: id of its definition. */
export function fieldParameter(
  about: About,
  code: string,
  extension: string,
  column: Pick<Column, 'type' | 'unit'>,
): Resource {
  const dataType = dataTypeOf(column);
  const type = searchTypes[dataType] ?? 'token';
  return searchParameter({
    about,
    code,
    type,
    base: 'Procedure',
    expression: extensionValue(extension, dataType, 'Procedure'),
  });
}

/** The expression of an extension's value. */
export function extensionValue(id: string, dataType: string, base: string): string {
  return `${base}.extension.where(url = '${canonicalOf('StructureDefinition', id)}').value.ofType(${dataType})`;
}
