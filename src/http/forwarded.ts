/** What a trusted proxy says of a request. https://www.rfc-editor.org/rfc/rfc7239 */
import type { Context } from '../interactions/context.ts';
import { basePath, type Edge } from './edge.ts';
import type { IncomingRequest } from './incoming.ts';

/** The network address of the client. */
export function addressOf(edge: Edge, incoming: IncomingRequest): string {
  return (edge.trustProxy ? firstOf(incoming.header('x-forwarded-for')) : undefined) ?? incoming.address;
}

const contexts = new WeakMap<Context, Map<string, Context>>();

/** The context with the base that a trusted proxy names; a few bases are kept, since they do not change. */
export function forwarded(edge: Edge, incoming: IncomingRequest): Context {
  const { context } = edge;
  if (!edge.forwardedBase) return context;
  const named = firstOf(incoming.header('x-forwarded-host'));
  const proto = firstOf(incoming.header('x-forwarded-proto'));
  // Many proxies pass `Host` on and say only which protocol the client used.
  const host = named ?? (proto === undefined ? undefined : incoming.header('host'));
  if (host === undefined || !/^[\w.:[\]-]{1,255}$/.test(host)) return context;
  const baseUrl = `${proto === 'https' ? 'https' : 'http'}://${host}${basePath}`;
  const known = contexts.get(context) ?? new Map<string, Context>();
  contexts.set(context, known);
  let found = known.get(baseUrl);
  if (found === undefined) {
    found = { ...context, settings: { ...context.settings, baseUrl } };
    if (known.size < 100) known.set(baseUrl, found);
  }
  return found;
}

/** Of several proxies in a row, what the first one saw. */
const firstOf = (header: string | undefined) => header?.split(',')[0]?.trim();
