/**
 * Under which names documents have the values of search parameters. https://hl7.org/fhir/R4/searchparameter.html
 *
 * Each definition of a type's parameter has a field of its own, which stays when another takes its place: so nothing needs
 * to be renamed. Most are the code itself.
 */
import type { Parameter } from '../../search/criteria.ts';

/** The fields of what is indexed now. */
export interface Fields {
  /** The field of a commit's entries, by their type and name (`ParameterState.entry`); undefined: there is no such entry. */
  ofEntry(type: string, entry: string): string | undefined;
  /** The field that searches mean: the current definition's, or the named one's; undefined where it isn't indexed. */
  ofParameter(parameter: Pick<Parameter, 'type' | 'code' | 'definition'>): string | undefined;
}

/** A code as a part of a path in MongoDB, which takes no `.`, and no `$` in front. */
export function pathPart(code: string): string {
  return code.replace(/[%.$\0]/g, (each) => `%${each.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
