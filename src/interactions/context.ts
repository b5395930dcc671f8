/** What an interaction gets and gives: one shape for HTTP requests and bundle entries. https://hl7.org/fhir/R4/http.html */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import type { CompartmentOwner } from '../search/compartment.ts';
import type { Extractor } from '../search/extract/extract.ts';
import type { ParameterRegistry } from '../search/registry.ts';
import type { AuditRecord } from '../store/audit-record.ts';
import type { Rewritten } from '../store/parameter-index.ts';
import type { Store } from '../store/port.ts';
import type { Note, Write } from '../store/write.ts';
import type { CheckTime } from '../validation/time.ts';
import type { FiledResources } from './canonical.ts';
import type { Coming } from './coming.ts';
import type { Conformance } from './conformance.ts';

/** https://hl7.org/fhir/R4/valueset-restful-interaction.html, and `operation`. */
export type Interaction =
  | 'read'
  | 'vread'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'history-instance'
  | 'history-type'
  | 'history-system'
  | 'search-type'
  | 'search-system'
  | 'capabilities'
  | 'batch'
  | 'transaction'
  | 'operation';

export type ReferentialIntegrity = 'off' | 'write' | 'full';

/** The settings that interactions depend on; `config.ts` reads them. */
export interface Settings {
  /** Without a final slash. */
  readonly baseUrl: string;
  readonly timezone: string;
  readonly defaultCount: number;
  readonly maxCount: number;
  /** Totals are exact up to this many matches. */
  readonly totalBound: number;
  /** Milliseconds. */
  readonly searchBudget: number;
  /** Resources that one page's includes may bring. */
  readonly includeCap: number;
  readonly ignoredParameters: readonly string[];
  readonly conditionalDelete: 'single' | 'multiple';
  /** Matches that one conditional delete may delete. */
  readonly conditionalDeleteMaximum: number;
  readonly referentialIntegrity: ReferentialIntegrity;
  /** What is checked of each resource that is written, besides its structure. */
  readonly validation: 'off' | 'base' | 'profiles';
  /** Milliseconds that validating one resource may take. */
  readonly validationBudget: number;
  /** How long a walk holds, in milliseconds. */
  readonly cursorLifetime: number;
  /** Whether browsers may call from somewhere else. */
  readonly cors: boolean;
  /** This software, for the capability statement. */
  readonly software: { readonly name: string; readonly version: string };
}

export interface Prefer {
  /** Undefined: the client has not said; `representation` is what it gets. */
  readonly return: 'minimal' | 'representation' | 'OperationOutcome' | undefined;
  readonly handling: 'strict' | 'lenient' | undefined;
}

/** Who asks, for the audit. */
export interface Origin {
  readonly agent: string;
  /** Network address, '' where there is none. */
  readonly address: string;
  readonly requestId: string;
}

export type QueryParameters = readonly (readonly [name: string, value: string])[];

/** One interaction that somebody asked for. */
export interface Call {
  readonly interaction: Interaction;
  readonly type?: string | undefined;
  readonly id?: string | undefined;
  /** As in the URL. */
  readonly versionId?: string | undefined;
  /** The operation's name with its `$`. */
  readonly operation?: string | undefined;
  /** Whose compartment is searched. */
  readonly compartment?: CompartmentOwner | undefined;
  readonly method: string;
  /** Decoded, in order; of the URL and, for `_search`, of the form. */
  readonly parameters: QueryParameters;
  /** As the client spelled it, without `?`; '' where there is none. */
  readonly query: string;
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string } | undefined;
  /** The body as it comes, for an operation that streams; absent in bundles. */
  readonly stream?: { readonly chunks: AsyncIterable<Uint8Array>; readonly contentType: string } | undefined;
  /** What the answer is to be, of FHIR JSON and the operation's `media`; absent for other interactions, and in bundles. */
  readonly media?: string | undefined;
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifNoneExist?: string | undefined;
  /** Binary's `X-Security-Context`. */
  readonly securityContext?: string | undefined;
  /** Binary content is asked for as it is, not as a resource. */
  readonly raw?: boolean | undefined;
  readonly range?: string | undefined;
  readonly prefer: Prefer;
  readonly origin: Origin;
}

/** What an interaction came to. */
export interface Answer {
  readonly status: number;
  /** Gives ETag and Last-Modified; absent for a resource that was cut. */
  readonly version?: { readonly versionId: number; readonly lastUpdated: number };
  /** Relative to the base: `Patient/1/_history/2`. */
  readonly location?: string;
  /** FHIR JSON without white space, or raw content. */
  readonly body?: Uint8Array;
  /** Raw content that is made while it is sent. */
  readonly stream?: AsyncIterable<Uint8Array>;
  /** Of raw content; absent: FHIR JSON. */
  readonly contentType?: string;
  /** The resource that was read or written, for the audit. */
  readonly about?: { readonly type: string; readonly id: string; readonly patient?: string };
  readonly headers?: Readonly<Record<string, string>>;
}

/** An operation of this server. https://hl7.org/fhir/R4/operations.html */
export interface Operation {
  /** With `$`. */
  readonly name: string;
  /** Canonical URL of its OperationDefinition. */
  readonly definition: string;
  readonly levels: readonly ('system' | 'type' | 'instance')[];
  /** Types it is offered on; absent: all. */
  readonly types?: readonly string[];
  /** False: GET is allowed, and a transaction may carry it. */
  readonly affectsState: boolean;
  /** Whether it reads its body as it comes. */
  readonly streams?: boolean;
  /** Media types besides FHIR JSON that it may answer in. */
  readonly media?: readonly string[];
  /** Whether the body is what it judges, so that a faulty one is no fault of the request. */
  readonly judgesBody?: true;
  readonly run: (context: Context, call: Call) => Promise<Answer>;
}

/** What SearchParameter resources mean for this server. */
export interface SearchParameters {
  /** Rises whenever what search parameters mean may be other than before, whether or not their indexes are. */
  readonly generation: number;
  /**
   * Runs a commit that writes SearchParameters; what they define is being indexed when it resolves.
   * Throws 422 where one can't be used, before the commit. `expressionOf`: the place of a write in the request.
   */
  readonly commit: <T>(
    writes: readonly Write[],
    commit: () => Promise<T>,
    expressionOf?: (write: number) => string,
  ) => Promise<T>;
  /** Throws 422 where what the writes define can't be used. */
  readonly check: (writes: readonly Write[]) => Promise<void>;
  /** Throws 503 while it isn't known yet what refers to what. */
  readonly requireReferences: () => void;
  /** Whether a walk of that query that began then (milliseconds) used a definition that has been replaced since. */
  readonly endsWalk: (query: QueryParameters, since: number) => boolean;
}

/** Writes stored resources' index entries anew. */
export interface Reindexing {
  /** One resource, at once. */
  readonly resource: (type: string, id: string) => Promise<Rewritten>;
  /** All resources of the types, as a job: one that waits for others and would do the same, or a new one. */
  readonly start: (types: readonly string[]) => Promise<ReindexJob>;
  /** undefined for an unknown job, or one that is long over. */
  readonly job: (id: string) => Promise<ReindexJob | undefined>;
}

export interface ReindexJob {
  readonly id: string;
  readonly types: readonly string[];
  /** Milliseconds since 1970. */
  readonly started: number;
  /** Absent while it runs. */
  readonly ended?: number;
  /** Resources done of those that there were, and how many of them had other entries. */
  readonly done: number;
  readonly total: number;
  readonly changed: number;
  /** How many could not be indexed, and the first of them as `Type/id`. */
  readonly failed: number;
  readonly failures: readonly string[];
}

/** What all interactions share; made once at the start. */
export interface Context {
  readonly store: Store;
  readonly definitions: Definitions;
  readonly registry: ParameterRegistry;
  readonly extract: Extractor;
  readonly searchParameters: SearchParameters;
  readonly reindexing: Reindexing;
  readonly operations: readonly Operation[];
  /** What lies in the files of `PROFILES`; absent: nothing. */
  readonly filed?: FiledResources;
  /** Definitions that count as if they were stored; absent: none. */
  readonly coming?: readonly Coming[];
  readonly conformance: Conformance;
  /** The time for all that is checked for one request, of many resources; absent: each has its own. */
  readonly checking?: CheckTime;
  readonly settings: Settings;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** A new logical id. */
  readonly newId: () => string;
  /** Notes an interaction that wrote nothing; see `audit/collector.ts`. */
  readonly audit: AuditSink;
  /** Kept with whatever is committed: how an import remembers what it has stored. */
  readonly notes?: readonly Note[];
  /** Whether commits are some of many, as in an import; see `Commit.bulk`. */
  readonly bulk?: boolean;
  /** Told when a plan is complete and goes to the store. */
  readonly onPlanned?: () => void;
  /** Tells the operator of a fault of the server's own; never with a resource's contents. */
  readonly report: (error: unknown, requestId: string) => void;
}

/** Where interactions leave their records. */
export interface AuditSink {
  /** Makes a record, or undefined where `AUDIT` leaves it out. */
  readonly record: (noted: Noted) => AuditRecord | undefined;
  /** Records made by `record` that no commit carries. */
  readonly append: (record: AuditRecord) => void;
  /** Resolves when all that was appended can be read. */
  readonly settle: () => Promise<void>;
}

/** What an AuditEvent tells. */
export interface Noted {
  readonly call: Call;
  readonly status: number;
  readonly type: string;
  readonly id: string;
  readonly patient: string;
}
