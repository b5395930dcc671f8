/** JSON Pointer, the paths of JSON Patch. https://datatracker.ietf.org/doc/html/rfc6901 */
import { type ExactJson, isExactObject } from '../exact-json.ts';

/** The reference tokens of a pointer, unescaped; empty for the whole document. Undefined where the text is no pointer. */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The index that a token means in an array: digits without a leading zero; undefined for anything else, `-` too. */
export function arrayIndex(token: string): number | undefined {
  return /^(?:0|[1-9][0-9]{0,14})$/.test(token) ? Number(token) : undefined;
}

/** The member or item that a token names; undefined where there is none. */
export function childOf(value: ExactJson, token: string): ExactJson | undefined {
  if (Array.isArray(value)) {
    const index = arrayIndex(token);
    return index === undefined ? undefined : value[index];
  }
  return isExactObject(value) && Object.hasOwn(value, token) ? value[token] : undefined;
}

/** The value at the tokens' end; undefined where a step isn't there. */
export function valueAt(document: ExactJson, tokens: readonly string[]): ExactJson | undefined {
  let value: ExactJson | undefined = document;
  for (const token of tokens) {
    value = childOf(value, token);
    if (value === undefined) return undefined;
  }
  return value;
}

/** FHIRPath of a place in a resource (`Patient.name[0].family`); undefined where a token can't stand in FHIRPath. */
export function pointerExpression(resourceType: string, tokens: readonly string[]): string | undefined {
  let expression = resourceType;
  for (const token of tokens) {
    if (/^[0-9]+$/.test(token)) expression += `[${token}]`;
    else if (/^_?[A-Za-z][A-Za-z0-9]*$/.test(token)) expression += `.${token.replace('_', '')}`;
    else if (token !== '-') return undefined;
  }
  return expression;
}
