/** Cross-origin access for SMART apps in browsers. https://hl7.org/fhir/R4/security.html#cors */

const exposed = 'ETag, Location, Content-Location, Last-Modified, X-Request-Id';

/** The headers that let a page of an allowed origin read the response; none for others. `origins`: exact ones, or `*`. */
export function corsHeaders(origins: readonly string[], origin: string | undefined): Readonly<Record<string, string>> {
  if (origins.length === 0) return {};
  if (origins.includes('*')) return { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': exposed };
  // A cache must not give one origin's response to another, nor one without these headers.
  if (origin === undefined || !origins.includes(origin)) return { Vary: 'Origin' };
  return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': exposed, Vary: 'Origin' };
}

/** What a preflight request is answered beside `corsHeaders`. `requested`: its `Access-Control-Request-Headers`. */
export function preflightHeaders(allow: string, requested: string | undefined): Readonly<Record<string, string>> {
  const usual =
    'Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer, X-Request-Id';
  return {
    'Access-Control-Allow-Methods': allow,
    'Access-Control-Allow-Headers': requested ?? usual,
    'Access-Control-Max-Age': '86400',
  };
}
