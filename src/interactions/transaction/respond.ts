/** The answers of a bundle's entries, as a Bundle. https://hl7.org/fhir/R4/bundle.html#transaction-response */
import { type BundleEntry, bundleBytesInSlices } from '../../fhir/bundle.ts';
import { etag } from '../../fhir/etag.ts';
import { formatInstant } from '../../fhir/instant.ts';
import { type OutcomeError, operationOutcome } from '../../fhir/outcome.ts';
import { makePace } from '../../store/pace.ts';
import type { Answer, Context, Interaction } from '../context.ts';
import type { Entry } from './entry.ts';

/** An entry's answer, or the failure it ended with. */
export interface EntryAnswer {
  /** Undefined where the entry could not be read as one. */
  readonly entry: Entry | undefined;
  readonly answer: Answer | OutcomeError;
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const encoder = new TextEncoder();

/** 200 with the Bundle, one entry for each answer, in order. */
export async function respond(
  context: Context,
  type: 'transaction-response' | 'batch-response',
  answers: readonly EntryAnswer[],
): Promise<Answer> {
  const named = new Set<string>();
  const entries: BundleEntry[] = [];
  const pace = makePace();
  for (const { entry, answer } of answers) {
    entries.push('issues' in answer ? failed(answer) : succeeded(context, entry, answer, named));
    const pause = pace();
    if (pause !== undefined) await pause;
  }
  const links = [{ relation: 'self', url: context.settings.baseUrl }];
  return { status: 200, body: await bundleBytesInSlices({ type, links, entries }, pace) };
}

const statusText = (status: number) =>
  reasons[status] === undefined ? String(status) : `${status} ${reasons[status]}`;

function failed(error: OutcomeError): BundleEntry {
  const outcome = encoder.encode(JSON.stringify(operationOutcome(error.issues)));
  return { response: { status: statusText(error.status), outcome } };
}

/** `named`: the full URLs and versions of earlier entries; no two entries may share one (bdl-7). */
function succeeded(context: Context, entry: Entry | undefined, answer: Answer, named: Set<string>): BundleEntry {
  const { status, version, location, body } = answer;
  const { method, prefer, interaction } = entry?.call ?? {};
  // A deletion has no other body.
  const isOutcome = (prefer?.return === 'OperationOutcome' && isWrite(interaction)) || interaction === 'delete';
  const outcome = isOutcome ? body : undefined;
  const resource = outcome !== undefined || method === 'HEAD' ? undefined : body;
  return {
    fullUrl: resource === undefined || !identified(interaction) ? undefined : fullUrlOf(context, answer, named),
    resource,
    response: {
      status: statusText(status),
      location,
      etag: version === undefined ? undefined : etag(version.versionId),
      lastModified: version === undefined ? undefined : formatInstant(version.lastUpdated),
      outcome,
    },
  };
}

/** Whether an interaction follows `Prefer: return`. */
function isWrite(interaction: Interaction | undefined): boolean {
  return interaction !== undefined && ['create', 'update', 'patch', 'delete'].includes(interaction);
}

/** Whether what an interaction answers with is a stored resource, not a Bundle or Parameters about some. */
function identified(interaction: Interaction | undefined): boolean {
  return interaction !== undefined && ['read', 'vread', 'create', 'update', 'patch'].includes(interaction);
}

/** The full URL of the resource in an entry; none for a version that came before. */
function fullUrlOf({ settings }: Context, { about, version }: Answer, named: Set<string>): string | undefined {
  if (about === undefined || about.id === '') return undefined;
  const fullUrl = `${settings.baseUrl}/${about.type}/${about.id}`;
  const key = `${fullUrl} ${version?.versionId}`;
  if (named.has(key)) return undefined;
  named.add(key);
  return fullUrl;
}
