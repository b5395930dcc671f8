/** Messages between the main thread and a reader's. https://hl7.org/fhir/R4/search.html */
import type { Criterion } from '../../search/criteria.ts';
import type { Explanation, SearchPage, SearchQuery } from '../port.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import type { ConceptAnswer, ConceptQuery } from './terminology-read.ts';
import type { WireError } from './wire.ts';

/** What a reader's thread is started with. */
export interface ReaderStart {
  readonly path: string;
  /** Milliseconds. */
  readonly cursorLifetime: number;
  /** One number; not 0 once what is being read must be given up. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

export type ReaderTask =
  | { readonly kind: 'search'; readonly query: SearchQuery }
  | { readonly kind: 'explain'; readonly query: SearchQuery }
  | { readonly kind: 'tally'; readonly query: TallyQuery }
  | {
      readonly kind: 'matches';
      readonly type: string;
      readonly criterion: Criterion;
      readonly limit: number;
      /** Milliseconds. */
      readonly budget: number;
    }
  | {
      readonly kind: 'concepts';
      readonly query: ConceptQuery;
      /** Milliseconds. */
      readonly budget: number;
    };

/** `now`: milliseconds since 1970. */
export type ReaderMessage =
  | { readonly kind: 'task'; readonly now: number; readonly task: ReaderTask }
  | { readonly kind: 'close' };

export type ReaderAnswer =
  | { readonly kind: 'search'; readonly page: SearchPage }
  | { readonly kind: 'explain'; readonly explanation: Explanation }
  | { readonly kind: 'tally'; readonly tally: Tally }
  | { readonly kind: 'matches'; readonly ids: readonly string[] }
  | { readonly kind: 'concepts'; readonly answer: ConceptAnswer }
  | { readonly kind: 'failed'; readonly error: WireError };
