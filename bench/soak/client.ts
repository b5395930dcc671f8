/** The soak test's client: an answer, or nothing where the server died before it came. https://hl7.org/fhir/R4/http.html */

export interface Answered {
  readonly status: number;
  readonly versionId: number | undefined;
  readonly location: string | undefined;
  readonly body: Json | undefined;
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** What the soak test found to be wrong. It ends the run. */
export class Violation extends Error {}

export class Client {
  readonly #base: string;

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}/fhir`;
  }

  /** Sends a request; undefined: no whole answer came, so whether it was done is open. */
  async ask(
    method: string,
    path: string,
    body?: Json,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answered | undefined> {
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: {
          Accept: 'application/fhir+json',
          ...(body === undefined ? {} : { 'Content-Type': 'application/fhir+json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const version = /^W\/"(\d+)"$/.exec(response.headers.get('etag') ?? '')?.[1];
      return {
        status: response.status,
        versionId: version === undefined ? undefined : Number(version),
        location: response.headers.get('location') ?? undefined,
        body: text === '' ? undefined : (JSON.parse(text) as Json),
      };
    } catch (error) {
      if (error instanceof SyntaxError) throw new Violation(`${method} ${path}: the answer isn't JSON`);
      return undefined;
    }
  }

  /** The same while the server is expected to live. Throws Violation where it gives no answer. */
  async must(method: string, path: string): Promise<Answered> {
    const answered = await this.ask(method, path);
    if (answered === undefined) throw new Violation(`${method} ${path}: no answer`);
    return answered;
  }

  /** Resources of a type with that identifier value, as `id` and `versionId`. */
  async find(type: string, system: string, value: string): Promise<readonly string[]> {
    const { status, body } = await this.must(
      'GET',
      `/${type}?identifier=${encodeURIComponent(`${system}|${value}`)}&_count=1000`,
    );
    if (status !== 200) throw new Violation(`search of ${type} by identifier: ${status}`);
    const entries = at(body, 'entry');
    return Array.isArray(entries) ? entries.map((entry) => String(at(entry, 'resource', 'id'))) : [];
  }
}

/** The value at a path of member names; undefined where there is none. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let here: Json | undefined = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as { readonly [name: string]: Json | undefined })[name];
  }
  return here;
}
