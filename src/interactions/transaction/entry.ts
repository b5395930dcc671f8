/** Entries of a batch or transaction as calls. https://hl7.org/fhir/R4/bundle.html#transaction */
import type { EntryOutline } from '../../fhir/json.ts';
import { failure, OutcomeError } from '../../fhir/outcome.ts';
import { isObject, type JsonObject } from '../../fhir/resource.ts';
import { parseQueryString } from '../../search/parse/parameter.ts';
import type { Call, Context } from '../context.ts';
import { refuseParameters } from '../parameters.ts';
import { targetOf } from '../path.ts';
import { prepareResource } from '../prepare.ts';
import { checkEntry } from './envelope.ts';

/** One entry, with the interaction that its request asks for. */
export interface Entry {
  readonly index: number;
  /** `Bundle.entry[n]`. */
  readonly expression: string;
  readonly fullUrl: string | undefined;
  readonly call: Call;
}

/** Issues beyond this many tell nobody more; those of the entry that reaches it are all told. */
export const mostIssues = 100;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const carriedWrites = ['create', 'update', 'patch'];
const writesById = ['update', 'patch', 'delete'];

/**
 * The entry's request as a call. `bundle`: the call of the whole bundle.
 * Throws what `readEntry` and `checkCall` throw.
 */
export function entryOf(context: Context, bundle: Call, outline: EntryOutline, index: number): Entry {
  const entry = readEntry(context, bundle, outline, index);
  checkCall(context, entry);
  return entry;
}

/**
 * What the entry's request asks for.
 * Throws 400 for a request that is missing or incomplete, and what `targetOf` throws; `expression` names the entry.
 */
export function readEntry(context: Context, bundle: Call, outline: EntryOutline, index: number): Entry {
  const expression = `Bundle.entry[${index}]`;
  checkEntry(context, outline, index);
  const { fullUrl, request } = outline.members;
  if (!isObject(request)) {
    throw failure(
      400,
      'required',
      'The entry has no request; it needs request.method and request.url.',
      `${expression}.request`,
    );
  }
  if (fullUrl !== undefined && typeof fullUrl !== 'string') {
    throw failure(400, 'structure', 'fullUrl must be a string.', `${expression}.fullUrl`);
  }
  const method = text(request, 'method', expression);
  const url = text(request, 'url', expression);
  if (method === undefined || !methods.includes(method)) {
    throw failure(400, 'value', `request.method must be one of ${methods.join(', ')}.`, `${expression}.request.method`);
  }
  if (url === undefined) {
    throw failure(400, 'required', 'The entry has no request.url.', `${expression}.request.url`);
  }
  const { segments, query } = splitUrl(context, url, expression);
  const target = withExpression(`${expression}.request.url`, () => targetOf(context, method, segments));
  if (target.interaction === 'batch') {
    throw failure(400, 'not-supported', 'A bundle inside a bundle is not processed.', `${expression}.request.url`);
  }
  const { resource } = outline;
  if (resource === undefined && carriedWrites.includes(target.interaction)) {
    throw failure(400, 'required', `A ${method} entry needs a resource.`, `${expression}.resource`);
  }
  const call: Call = {
    interaction: target.interaction,
    type: target.type,
    id: target.id,
    versionId: target.versionId,
    operation: target.operation,
    compartment: target.compartment,
    method,
    parameters: parseQueryString(query),
    query,
    body: resource === undefined ? undefined : { bytes: resource, contentType: 'application/fhir+json' },
    ifMatch: text(request, 'ifMatch', expression),
    ifNoneMatch: text(request, 'ifNoneMatch', expression),
    ifModifiedSince: text(request, 'ifModifiedSince', expression),
    ifNoneExist: text(request, 'ifNoneExist', expression),
    securityContext: undefined,
    raw: undefined,
    range: undefined,
    prefer: { return: bundle.prefer.return ?? 'minimal', handling: bundle.prefer.handling },
    origin: bundle.origin,
  };
  return { index, expression, fullUrl, call };
}

/** Throws 400 for a resource that isn't sound, and for parameters that a write would ignore. */
export function checkCall(context: Context, { call, expression }: Entry): void {
  const { interaction, id, body } = call;
  // A write reads its resource itself; elsewhere it is of no use, but must be as sound as the rest of the body.
  if (body !== undefined && !carriedWrites.includes(interaction) && !judges(context, call)) {
    withExpression(`${expression}.resource`, () => prepareResource(context, body.bytes, undefined));
  }
  if (interaction === 'create' || (id !== undefined && writesById.includes(interaction))) {
    withExpression(`${expression}.request.url`, () => refuseParameters(context, call));
  }
}

/** Whether the call is an operation that says itself what is wrong with its body. */
function judges({ operations }: Context, { operation }: Call): boolean {
  return operation !== undefined && operations.find(({ name }) => name === operation)?.judgesBody === true;
}

function text(request: JsonObject, name: string, expression: string): string | undefined {
  const value = request[name];
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw failure(
    400,
    'structure',
    `request.${name} must be a string that is not empty.`,
    `${expression}.request.${name}`,
  );
}

/** The path below the base, decoded, and the query. Throws 400 for another server's URL. */
function splitUrl(
  context: Context,
  url: string,
  expression: string,
): { readonly segments: readonly string[]; readonly query: string } {
  const { baseUrl } = context.settings;
  let relative = url;
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) {
    if (url !== baseUrl && !url.startsWith(`${baseUrl}/`) && !url.startsWith(`${baseUrl}?`)) {
      const advice = `request.url must be relative, e.g. Patient/1, or begin with ${baseUrl}.`;
      throw failure(400, 'value', advice, `${expression}.request.url`);
    }
    relative = url.slice(baseUrl.length);
  }
  const mark = relative.indexOf('?');
  const path = mark === -1 ? relative : relative.slice(0, mark);
  try {
    const segments = path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
    return { segments, query: mark === -1 ? '' : relative.slice(mark + 1) };
  } catch {
    throw failure(400, 'value', 'request.url has a broken % escape.', `${expression}.request.url`);
  }
}

/** Runs a check and gives its failures the element they concern, where they name none. */
export function withExpression<T>(expression: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw within(expression, error);
  }
}

/** An error whose issues are about this element or one inside it: expressions begin with it. */
export function within(expression: string, error: unknown): unknown {
  if (!(error instanceof OutcomeError)) return error;
  const issues = error.issues.map((issue) => {
    const inner = issue.expression?.map((each) => nest(expression, each)) ?? [expression];
    return { ...issue, expression: inner };
  });
  return new OutcomeError(error.status, issues, error.headers);
}

/** `Patient.name[0]` of the resource of `Bundle.entry[3]` is `Bundle.entry[3].resource.name[0]`. */
function nest(expression: string, inner: string): string {
  if (inner.startsWith('Bundle.entry[')) return inner;
  const dot = inner.search(/[.[]/);
  const entry = /^Bundle\.entry\[\d+\]/.exec(expression)?.[0] ?? expression;
  return `${entry}.resource${dot === -1 ? '' : inner.slice(dot)}`;
}
