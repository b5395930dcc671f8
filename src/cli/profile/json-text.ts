/** JSON as files of definitions have it. https://hl7.org/fhir/R4/json.html */
import { isArray, isObject, type JsonValue } from '../../fhir/resource.ts';

const width = 120;

/** The text of a file: an element a line, lists of plain values on one line where they fit. */
export function jsonText(value: JsonValue): string {
  return `${lines(value, '', 0)}\n`;
}

/** `taken`: how much of the line stands before. */
function lines(value: JsonValue, indent: string, taken: number): string {
  const inner = `${indent}  `;
  if (isArray(value)) {
    const plain = value.every((each) => !isArray(each) && !isObject(each));
    const line = `[${value.map((each) => JSON.stringify(each)).join(', ')}]`;
    if (value.length === 0 || (plain && taken + line.length <= width)) return line;
    return `[\n${value.map((each) => inner + lines(each, inner, inner.length)).join(',\n')}\n${indent}]`;
  }
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).flatMap(([name, member]) => {
    if (member === undefined) return [];
    const head = `${inner}${JSON.stringify(name)}: `;
    return [head + lines(member, inner, head.length)];
  });
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}
