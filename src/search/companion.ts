/**
 * What is kept beside the values of a token or number parameter, under codes of its own: nothing of the values themselves
 * changes. https://hl7.org/fhir/R4/search.html#modifiers
 */
import type { SearchParameterType } from './criteria.ts';
import type { Values } from './extract/values.ts';

/**
 * `text`: texts, for `:text`. `of-type`: identifiers with the type that they have, for `:of-type`. `precision`: the ranges that
 * the precision of numbers means, for `co` of `_filter`.
 */
export type CompanionKind = 'text' | 'of-type' | 'precision';

export interface Companion {
  readonly kind: CompanionKind;
  readonly code: string;
}

/** What of a parameter says which companions it has. */
export interface Accompanied {
  readonly url: string;
  readonly code: string;
  readonly kind: SearchParameterType;
  readonly expression: string;
  /** Tells definitions apart that aren't R4's; R4's have none. */
  readonly definition?: string;
  /** What the expression gives; absent for R4's: these needn't be compiled for it. */
  readonly values?: Pick<Values, 'types'>;
}

/** R4's parameters whose expressions are the union of others' expressions: what is kept for those is enough. */
const unions: Readonly<Record<string, readonly string[]>> = {
  'http://hl7.org/fhir/SearchParameter/Observation-combo-code': ['code', 'component-code'],
  'http://hl7.org/fhir/SearchParameter/Observation-combo-data-absent-reason': [
    'data-absent-reason',
    'component-data-absent-reason',
  ],
  'http://hl7.org/fhir/SearchParameter/Observation-combo-value-concept': ['value-concept', 'component-value-concept'],
};

/** What expressions that lead to Identifiers have in them, told before they are compiled: of R4's all others don't. */
const identifiers = /dentifier|requisition/;

/** The companions that a parameter has, whatever its values turn out to be. */
export function companionsOf(parameter: Accompanied): readonly Companion[] {
  const { url, code, kind } = parameter;
  if (kind === 'number') return [{ kind: 'precision', code: precisionCode(code) }];
  if (kind !== 'token') return [];
  const companions: Companion[] = unions[url] === undefined ? [{ kind: 'text', code: textCode(code) }] : [];
  if (hasIdentifiers(parameter)) companions.push({ kind: 'of-type', code: ofTypeCode(code) });
  return companions;
}

/** Whether a code is that of a companion: no parameter of R4's has such a one, and no companion has references. */
export function isCompanion(code: string): boolean {
  return code.includes(':');
}

/** Whether identifiers may be among the values: where only evaluation tells what there is, they may. */
function hasIdentifiers({ expression, definition, values }: Accompanied): boolean {
  if (definition === undefined || values === undefined) return identifiers.test(expression);
  return values.types.length === 0 || values.types.includes('Identifier');
}

/** The codes under which a parameter's texts are kept. */
export function textCodes({ url, code }: Pick<Accompanied, 'url' | 'code'>): readonly string[] {
  return (unions[url] ?? [code]).map(textCode);
}

function textCode(code: string): string {
  return `${code}:text`;
}

/** The code under which a parameter's identifiers are kept with their types. */
export function ofTypeCode(code: string): string {
  return `${code}:of-type`;
}

/** The code under which the ranges are kept that the precision of a parameter's numbers means. */
export function precisionCode(code: string): string {
  return `${code}:precision`;
}

/** What texts have in the place of a system, so that they are apart from codes: no uri. */
export const textSystem = ':text';

/** An identifier's value with the code of its type; different ones are different texts. */
export function typedValue(code: string, value: string): string {
  return `${code.replace(/[\\|]/g, '\\$&')}|${value}`;
}
