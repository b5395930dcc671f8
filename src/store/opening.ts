/** What a store is opened with and hears of, whichever it is. https://hl7.org/fhir/R4/searchparameter.html */
import type { ParameterDefinition } from './parameter-index.ts';

/** What a store that is being opened knows of search parameters. */
export interface StoredParameters {
  /** The current SearchParameter resources, the oldest change first. */
  readonly resources: readonly { readonly id: string; readonly body: Uint8Array }[];
  /** The definitions that are current in the index. */
  readonly current: readonly ParameterDefinition[];
}

/** Every search parameter of which entries will come; they may depend on what the store has. */
export type WantedParameters =
  | readonly ParameterDefinition[]
  | ((stored: StoredParameters) => readonly ParameterDefinition[]);

/** What is timed. */
export type Operation =
  | 'read'
  | 'vread'
  | 'history'
  | 'search'
  | 'matches'
  | 'commit'
  | 'group'
  | 'values'
  | 'counts'
  | 'tally';
