/** Links to pages: short signed tokens, whatever the query was. https://hl7.org/fhir/R4/http.html#paging */
import { createHash } from 'node:crypto';
import { failure } from '../fhir/outcome.ts';
import { openCursor, signCursor } from '../search/cursor.ts';
import type { Position } from '../store/port.ts';
import type { Context, QueryParameters } from './context.ts';

/** The parameter that carries the token. */
export const cursorParameter = '_cursor';

/** Queries up to this many characters travel in the token; longer ones stay in the store. */
const longestInToken = 600;

/** A page of a walk: what is walked through, the query as used, and the place in it. */
export interface Walk {
  /** `search` or `history`, and the path: `search/Patient`, `history/Patient/1`. */
  readonly of: string;
  readonly query: QueryParameters;
  readonly position: Position;
}

interface Content {
  readonly o: string;
  /** The query, or the key under which the store keeps it. */
  readonly q: QueryParameters | string;
  readonly p: Position;
}

/** Makes the links of one walk's pages. The store keeps a long query once for all of them. */
export async function linkPages(
  context: Context,
  of: string,
  query: QueryParameters,
  url: string,
  positions: readonly (readonly [relation: string, position: Position | undefined])[],
): Promise<readonly { readonly relation: string; readonly url: string }[]> {
  const wanted = positions.filter((each): each is readonly [string, Position] => each[1] !== undefined);
  if (wanted.length === 0) return [];
  const text = JSON.stringify(query);
  let q: Content['q'] = query;
  if (text.length > longestInToken) {
    q = createHash('sha256').update(text).digest('base64url').slice(0, 32);
    const since = Math.max(...wanted.map(([, position]) => position.since));
    await context.store.keep(q, text, since + context.settings.cursorLifetime);
  }
  const general = generalQuery(query);
  return wanted.map(([relation, position]) => {
    const content: Content = { o: of, q, p: position };
    return { relation, url: `${url}?${cursorParameter}=${signCursor(content, context.store.secret)}${general}` };
  });
}

/** What of a query shapes the response outside of the walk: it stands in the link as it is. JSON is the only format. */
function generalQuery(query: QueryParameters): string {
  const format = query.some(([name, value]) => name === '_format' && value !== '') ? '&_format=json' : '';
  const pretty = query.findLast(([name]) => name === '_pretty')?.[1] === 'true' ? '&_pretty=true' : '';
  return format + pretty;
}

/**
 * The walk behind a token, undefined where the parameters have none.
 * Throws 400 for a forged token, for one of another walk and for other parameters beside it; 410 for an expired one.
 */
export async function openPage(context: Context, of: string, parameters: QueryParameters): Promise<Walk | undefined> {
  const tokens = parameters.filter(([name]) => name === cursorParameter);
  const token = tokens[0]?.[1];
  if (token === undefined) return undefined;
  const beside = [cursorParameter, '_format', '_pretty', ...context.settings.ignoredParameters];
  const others = parameters.filter(([name]) => !beside.includes(name));
  if (tokens.length > 1 || others.length > 0) {
    throw failure(400, 'invalid', `A link with ${cursorParameter} carries its whole query; follow it unchanged.`);
  }
  const content = openCursor(token, context.store.secret);
  if (!isContent(content) || content.o !== of) {
    throw failure(400, 'value', `${cursorParameter} is not a link of this server for this search. Search again.`);
  }
  const { q, p } = content;
  if (context.clock() - p.since > context.settings.cursorLifetime) throw expired();
  if (typeof q !== 'string') return { of, query: q, position: p };
  const kept = await context.store.kept(q);
  if (kept === undefined) throw expired();
  return { of, query: JSON.parse(kept), position: p };
}

/** 410 for a page whose walk is over. */
export function expired(): Error {
  return failure(410, 'not-found', 'This page link has expired. Search again.');
}

// A signed token was made here, so its shape is known once the signature holds.
function isContent(value: unknown): value is Content {
  return typeof value === 'object' && value !== null && 'o' in value && 'q' in value && 'p' in value;
}
