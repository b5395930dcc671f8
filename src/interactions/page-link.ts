/** Links to pages: short signed tokens, whatever the query was. https://hl7.org/fhir/R4/http.html#paging */
import { createHash } from 'node:crypto';
import { failure } from '../fhir/outcome.ts';
import { openCursor, signCursor } from '../search/cursor.ts';
import type { Position } from '../store/port.ts';
import type { Context, QueryParameters } from './context.ts';

/** The parameter that carries the token. */
export const cursorParameter = '_cursor';

/** Queries and positions up to this many bytes each travel in the token; longer ones stay in the store. */
const longestInToken = 600;
/** Milliseconds for which the store keeps them beyond the lifetime, so that it is the lifetime that ends a walk. */
const margin = 60_000;

/** A page of a walk: what is walked through, the query as used, and the place in it. */
export interface Walk {
  /** `search` or `history`, and the path: `search/Patient`, `history/Patient/1`. */
  readonly of: string;
  readonly query: QueryParameters;
  readonly position: Position;
}

/** What a token holds, as JSON. */
interface Content {
  readonly o: string;
  /** The query, or the key under which the store keeps it. */
  readonly q: QueryParameters | string;
  /** The position, or the key under which the store keeps it: what a walk is sorted by may be long. */
  readonly p: Position | string;
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
  const [first] = wanted;
  if (first === undefined) return [];
  const until = first[1].since + context.settings.cursorLifetime + margin;
  const text = JSON.stringify(query);
  const walked = `{"o":${JSON.stringify(of)},"q":${isShort(text) ? text : await keptAs(context, text, until)}`;
  const general = generalQuery(query);
  const links: { relation: string; url: string }[] = [];
  for (const [relation, position] of wanted) {
    const place = JSON.stringify(position);
    const content = `${walked},"p":${isShort(place) ? place : await keptAs(context, place, until)}}`;
    links.push({ relation, url: `${url}?${cursorParameter}=${signCursor(content, context.store.secret)}${general}` });
  }
  return links;
}

/**
 * What of a query stands in the link as it is: what shapes the response outside of the walk (JSON is the only format), and
 * the page's size, since some clients give a link without one the size that they like.
 */
function generalQuery(query: QueryParameters): string {
  const format = query.some(([name, value]) => name === '_format' && value !== '') ? '&_format=json' : '';
  const pretty = query.findLast(([name]) => name === '_pretty')?.[1] === 'true' ? '&_pretty=true' : '';
  const size = sizeOf(query);
  return `${format}${pretty}${size === undefined ? '' : `&_count=${encodeURIComponent(size)}`}`;
}

function sizeOf(query: QueryParameters): string | undefined {
  return query.find(([name]) => name === '_count')?.[1];
}

function isShort(json: string): boolean {
  // A UTF-16 unit takes at most three bytes.
  return json.length * 3 <= longestInToken || Buffer.byteLength(json) <= longestInToken;
}

/** The JSON of the key under which the store keeps a JSON text until then (milliseconds). */
async function keptAs(context: Context, json: string, until: number): Promise<string> {
  const key = createHash('sha256').update(json).digest('base64url').slice(0, 32);
  await context.store.keep(key, json, until, true);
  return JSON.stringify(key);
}

/** What a token holds, or the store under its key. Throws 410 where that is gone. */
async function whole<T>(context: Context, value: T | string): Promise<T> {
  if (typeof value !== 'string') return value;
  const text = await context.store.kept(value);
  if (text === undefined) throw expired();
  return JSON.parse(text);
}

/**
 * The walk behind a token, undefined where the parameters have none.
 * A `_count` beside it and the link's own is the size of this page and of those that it links to. Throws 400 for a forged token, for one of
 * another walk and for other parameters beside it; 410 for an expired one.
 */
export async function openPage(context: Context, of: string, parameters: QueryParameters): Promise<Walk | undefined> {
  const tokens = parameters.filter(([name]) => name === cursorParameter);
  const token = tokens[0]?.[1];
  if (token === undefined) return undefined;
  const beside = [cursorParameter, '_format', '_pretty', '_count', ...context.settings.ignoredParameters];
  const others = parameters.filter(([name]) => !beside.includes(name));
  if (tokens.length > 1 || others.length > 0) {
    const text = `A link with ${cursorParameter} carries its whole query; only _count may be given beside it.`;
    throw failure(400, 'invalid', text);
  }
  const content = openCursor(token, context.store.secret);
  if (!isContent(content) || content.o !== of) {
    throw failure(400, 'value', `${cursorParameter} is not a link of this server for this search. Search again.`);
  }
  const position = await whole(context, content.p);
  if (context.clock() - position.since > context.settings.cursorLifetime) throw expired();
  const query = await whole(context, content.q);
  // The link's own size may have been replaced by another one, or have one behind it.
  const sizes = parameters.filter(([name, value]) => name === '_count' && value !== '');
  const own = sizes.findIndex(([, value]) => value === sizeOf(query));
  const counts = sizes.filter((_, index) => index !== own);
  const resized = counts.length === 0 ? query : [...query.filter(([name]) => name !== '_count'), ...counts];
  return { of, query: resized, position };
}

/** 410 for a page whose walk is over. */
export function expired(): Error {
  return failure(410, 'not-found', 'This page link has expired. Search again.');
}

// A signed token was made here, so its shape is known once the signature holds.
function isContent(value: unknown): value is Content {
  return typeof value === 'object' && value !== null && 'o' in value && 'q' in value && 'p' in value;
}
