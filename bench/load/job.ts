/** What the load generator is asked to do and what it found: plain data that crosses processes. https://hl7.org/fhir/R4/http.html */

/** What one stream of requests consists of. Files have one JSON value a line. */
export type TrafficPlan =
  /** GETs of random paths of a file of JSON strings; `once`: of each in turn, once. */
  | { readonly kind: 'get'; readonly paths: string; readonly accept?: string; readonly once?: boolean }
  /** POSTs of the file's resources in turn, each with a value of its own where the text says `@@`. */
  | { readonly kind: 'create'; readonly path: string; readonly bodies: string }
  /** create, read, update, search by identifier, read, delete of Patients in turn; the file's resources say `@@` too. */
  | { readonly kind: 'cycle'; readonly base: string; readonly bodies: string }
  /** POSTs of each line of a (gzipped) NDJSON file to a path, once. */
  | { readonly kind: 'bundles'; readonly path: string; readonly file: string; readonly limit?: number }
  /** One POST of a whole file. */
  | { readonly kind: 'whole'; readonly path: string; readonly file: string };

export interface StreamPlan {
  readonly name: string;
  readonly traffic: TrafficPlan;
  readonly connections: number;
  /**
   * Requests a second, begun on time whether or not earlier ones were answered; latencies count from the moment a request
   * was due. Absent: each connection sends its next request when the last was answered.
   */
  readonly rate?: number;
}

export interface Job {
  readonly port: number;
  readonly streams: readonly StreamPlan[];
  /** Seconds that aren't counted. */
  readonly warmUp: number;
  /** Seconds that are counted; absent: until the first stream has nothing left to send. */
  readonly seconds?: number;
}

export interface StreamResult {
  readonly name: string;
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Mean bytes of a response's body. */
  readonly bytes: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests that were answered with another status than they should, and the first of these answers. */
  readonly unexpected: number;
  readonly example?: string;
}

export type JobAnswer =
  | { readonly kind: 'result'; readonly streams: readonly StreamResult[] }
  | { readonly kind: 'failure'; readonly message: string };
