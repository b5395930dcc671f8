/** What is wrong with a JSON text, and where, for a person. https://hl7.org/fhir/R4/json.html */
import { peekString } from './json-scan.ts';
import { failure, type IssueType, type OutcomeError } from './outcome.ts';

/** A fault found while reading a JSON text. Never holds values of the text. */
export class JsonFault extends Error {
  readonly code: IssueType;
  /** Index into the text, in UTF-16 units. */
  readonly offset: number;
  /** The member or item concerned, for a fault of meaning; undefined for a fault of form. */
  readonly path: readonly (string | number)[] | undefined;

  constructor(code: IssueType, reason: string, offset: number, path?: readonly (string | number)[]) {
    super(reason);
    this.name = 'JsonFault';
    this.code = code;
    this.offset = offset;
    this.path = path;
  }
}

/** The fault in a text as an OutcomeError 400 with line and column; an expression begins with the resource's type. */
export function outcomeOf(fault: JsonFault, text: string): OutcomeError {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < fault.offset; at = text.indexOf('\n', at + 1)) {
    line++;
    lineStart = at + 1;
  }
  const column = fault.offset - lineStart + 1;
  const place = `line ${line}, column ${column}`;
  if (fault.path === undefined)
    return failure(400, fault.code, `The body is not valid JSON: ${fault.message} at ${place}.`);
  return failure(400, fault.code, `${fault.message} at ${place}.`, expressionOf(fault.path, typeOf(text)));
}

function typeOf(text: string): string | undefined {
  // The type is one of the first members, and a text may be large.
  const type = peekString(Buffer.from(text.slice(0, 10_000)), 'resourceType');
  return type !== undefined && /^[A-Za-z]{1,64}$/.test(type) ? type : undefined;
}

/** FHIRPath of a path through JSON: `Patient.name[0].family`. Long names are cut. */
export function expressionOf(path: readonly (string | number)[], root: string | undefined): string {
  let expression = root ?? '';
  for (const step of path) {
    if (typeof step === 'number') expression += `[${step}]`;
    else expression += `${expression === '' ? '' : '.'}${identifier(step)}`;
  }
  return expression;
}

function identifier(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) return name;
  return `\`${name
    .slice(0, 64)
    .replace(/[`\\]/g, '\\$&')
    .replace(/\p{Cc}/gu, ' ')}\``;
}
