/** Code systems whose codes are told by their form. https://hl7.org/fhir/R4/terminologies-systems.html */
import { parse as parseLanguage } from 'bcp-47';
import { conversion, ucumSystem } from '../../fhir/ucum.ts';
import type { Known } from '../validator.ts';

/**
 * https://hl7.org/fhir/R4/valueset-all-languages.html: tags of BCP 47. `Intl` knows none of private use, none of before its grammar
 * (`i-klingon`), and no extended languages, among them those of signs (`sgn-ase`).
 */
function isLanguage(code: string): boolean {
  const { language, privateuse, irregular, regular } = parseLanguage(code);
  return privateuse.length > 0 || [language, irregular, regular].some((each) => typeof each === 'string');
}

/** https://hl7.org/fhir/R4/valueset-mimetypes.html: BCP 13, `type/subtype` and parameters. */
const mediaType =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9*][A-Za-z0-9!#$&^_.+-]* ?(?:; ?[^;\s=]+=(?:"[^"]*" ?|[^;"]+))*;?$/;

/** A unit that can be converted is one; of others (arbitrary ones, logarithms) it isn't known here. */
function isUnit(code: string): Known {
  return conversion(code, code) !== undefined || undefined;
}

const currencies: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/** https://hl7.org/fhir/R4/valueset-currencies.html: three letters; those that aren't in use here may be. */
function isCurrency(code: string): Known {
  if (currencies.has(code)) return true;
  return /^[A-Z]{3}$/.test(code) ? undefined : false;
}

/** By system. */
export const grammars: ReadonlyMap<string, (code: string) => Known> = new Map<string, (code: string) => Known>([
  ['urn:ietf:bcp:47', isLanguage],
  ['urn:ietf:bcp:13', (code) => mediaType.test(code)],
  ['urn:iso:std:iso:4217', isCurrency],
  [ucumSystem, isUnit],
]);
