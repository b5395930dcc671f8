/** Index values of token parameters. https://hl7.org/fhir/R4/search.html#token */
import { isArray, isObject, type JsonValue } from '../../fhir/resource.ts';
import type { IndexValue } from '../entry.ts';
import { foldToken } from '../normalise.ts';
import type { Converter } from './converter.ts';

/** How a token parameter keeps its values. */
export interface TokenForm {
  /** As text (`IdentifierValue`) instead of through the dictionary (`TokenValue`). */
  readonly textual: boolean;
  /** Folded already, because none of the parameter's text values is one in which case counts. */
  readonly folded: boolean;
}

/**
 * The converter of a data type, undefined for types that have no token values. `system`: that of a `code` element's
 * required binding.
 */
export function tokenConverter(type: string, form: TokenForm, system: string | undefined): Converter | undefined {
  const add = adder(form);
  switch (type) {
    case 'Coding':
      return (value, out) => addCoding(value, add, out);
    case 'CodeableConcept':
      return (value, out) => {
        if (!isObject(value) || !isArray(value.coding)) return;
        for (const coding of value.coding) addCoding(coding, add, out);
      };
    case 'Identifier':
    case 'ContactPoint':
      return (value, out) => {
        if (isObject(value)) add(value.system, value.value, out);
      };
    case 'boolean':
      return (value, out) => {
        if (typeof value === 'boolean') add(undefined, String(value), out);
      };
    case 'code':
      return (value, out) => add(system, value, out);
    case 'string':
    case 'id':
    case 'uri':
    case 'url':
    case 'oid':
    case 'uuid':
    case 'canonical':
      return (value, out) => add(undefined, value, out);
    default:
      return undefined;
  }
}

type Add = (system: JsonValue | undefined, value: JsonValue | undefined, out: IndexValue[]) => void;

function adder({ textual, folded }: TokenForm): Add {
  const kind = textual ? 'identifier' : 'token';
  return (system, value, out) => {
    if (typeof value !== 'string' || value === '') return;
    out.push({ kind, system: typeof system === 'string' ? system : '', value: folded ? foldToken(value) : value });
  };
}

function addCoding(value: JsonValue, add: Add, out: IndexValue[]): void {
  if (isObject(value)) add(value.system, value.code, out);
}
