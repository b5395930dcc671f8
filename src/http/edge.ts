/** What the HTTP edge needs. https://hl7.org/fhir/R4/http.html */
import type { Context } from '../interactions/context.ts';
import type { Log } from '../log.ts';
import type { Metrics } from './metrics.ts';

/** The path under which FHIR is served. */
export const basePath = '/fhir';

/** What the HTTP edge needs. */
export interface Edge {
  readonly context: Context;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly maxBodyBytes: number;
  readonly maxUrlBytes: number;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: boolean;
  /** Links follow X-Forwarded-Proto and -Host; only where the proxy is trusted and no BASE_URL is set. */
  readonly forwardedBase: boolean;
  readonly newRequestId: () => string;
}
