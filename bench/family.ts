/** A family of search and its queries, and how one of them is asked. https://hl7.org/fhir/R4/search.html */
import { Connection, type Reply, requestBytes } from './load/connection.ts';

/** A search as it is sent. */
export interface Query {
  /** With the query where it is a GET, without where it is a POST. */
  readonly path: string;
  /** The parameters where they are posted to `_search`. */
  readonly form?: string;
}

/**
 * How a family is judged. `pages`: those of its searches that find at most 1,000 resources, by p50 ≤ 5 ms and p99 ≤ 50 ms.
 * `count`: by the milliseconds for each 100,000 hits (or fewer) of one criterion, ≤ 5. `count of two`: by the milliseconds of
 * each count of what two criteria find together, ≤ 50.
 */
export type Judged = 'pages' | 'count' | 'count of two';

/** Searches of one kind. */
export interface Family {
  readonly name: string;
  readonly queries: readonly Query[];
  readonly judged: Judged;
  /** Whether it needs the index of words, which is made when somebody searches by words for the first time. */
  readonly byWords: boolean;
  /** Whether it is one of those that the mix consists of, in equal parts. */
  readonly mixed: boolean;
}

/** What a search was answered. */
export interface Answer {
  readonly milliseconds: number;
  /** Bytes of the body. */
  readonly size: number;
  readonly status: number;
  /** undefined: more than are counted. */
  readonly matches: number | undefined;
  /** The next page, as a path. */
  readonly next: string | undefined;
  /** What a refusal says. */
  readonly refusal: string;
}

/** A search by GET. `query`: from the type on, without `_count`. */
export function got(query: string): Query {
  return { path: `/fhir/${query}` };
}

/** The same by POST. */
export function posted(query: string): Query {
  const [type, form = ''] = query.split('?');
  return { path: `/fhir/${type}/_search`, form };
}

/** The same search with a number of matches on its page. */
export function paged({ path, form }: Query, count: number): Query {
  if (form !== undefined) return { path, form: `${form}&_count=${count}` };
  return { path: `${path}${path.includes('?') ? '&' : '?'}_count=${count}` };
}

/** One connection that asks one search after the other. */
export class Asking {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Rejects where nobody listens on the port. */
  static open(port: number): Promise<Asking> {
    return new Promise((resolve, reject) => {
      const connection: Connection = new Connection(port, () => resolve(new Asking(connection)), reject);
    });
  }

  /** Throws SyntaxError for an answer that is no JSON. */
  async ask({ path, form }: Query): Promise<Answer> {
    const accept = ['Accept: application/fhir+json'];
    const bytes =
      form === undefined
        ? requestBytes('GET', path, accept)
        : requestBytes('POST', path, accept, Buffer.from(form), 'application/x-www-form-urlencoded');
    const begun = performance.now();
    const reply = await new Promise<Reply>((done) => this.#connection.send(bytes, true, done));
    const milliseconds = performance.now() - begun;
    const body = reply.body?.toString() ?? '';
    const bundle: Bundle = reply.status === 200 ? JSON.parse(body) : {};
    const url = bundle.link?.find(({ relation }) => relation === 'next')?.url;
    return {
      milliseconds,
      size: reply.size,
      status: reply.status,
      matches: bundle.total,
      next: url === undefined ? undefined : new URL(url).pathname + new URL(url).search,
      refusal: reply.status === 200 ? '' : body.slice(0, 200),
    };
  }

  close(): void {
    this.#connection.close();
  }
}

interface Bundle {
  readonly total?: number;
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
}
