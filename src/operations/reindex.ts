/**
 * `$reindex` and `$reindex-status`: index entries of stored resources, made anew. They are this server's own; a whole type
 * is done asynchronously: https://hl7.org/fhir/R4/async.html
 */
import { formatInstant } from '../fhir/instant.ts';
import { failure, operationOutcome } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import type { Answer, Call, Context, Operation, ReindexJob } from '../interactions/context.ts';
import { single } from '../interactions/cut.ts';
import { note } from '../interactions/note.ts';
import { refuseOthers } from '../interactions/parameters.ts';
import { currentOf } from '../interactions/read.ts';

const encoder = new TextEncoder();
const bytesOf = (resource: object) => encoder.encode(JSON.stringify(resource));

/** Seconds after which to ask again. */
const askAgain = 2;

/** 200 with what came of one resource; 202 with where to ask for a type or everything. */
export const reindex: Operation = {
  name: '$reindex',
  definition: 'http://osteon.example/OperationDefinition/reindex',
  levels: ['system', 'type', 'instance'],
  affectsState: true,
  run: async (context, call) => {
    refuseOthers(context, call, []);
    const answer = await answerOf(context, call);
    // No commit carries its AuditEvent.
    note(context, call, answer.status, answer);
    return answer;
  },
};

/** 202 while the job runs, then 200 with what came of it; 404 for an unknown job. */
export const reindexStatus: Operation = {
  name: '$reindex-status',
  definition: 'http://osteon.example/OperationDefinition/reindex-status',
  levels: ['system'],
  affectsState: false,
  run: async (context, call) => {
    const id = jobIn(call);
    const job = await context.reindexing.job(id);
    if (job === undefined) throw failure(404, 'not-found', 'There is no such job, or it was over long ago.');
    return job.ended === undefined ? accepted(context, job) : { status: 200, body: bytesOf(resultOf(job, job.ended)) };
  },
};

async function answerOf(context: Context, { type, id }: Call): Promise<Answer> {
  if (type !== undefined && id !== undefined) return reindexOne(context, type, id);
  const types = type === undefined ? [...context.definitions.resourceTypes] : [type];
  return accepted(context, await context.reindexing.start(types));
}

function jobIn(call: Call): string {
  const id = single(call.parameters, 'job');
  if (id === undefined) throw failure(400, 'required', 'Name the job: $reindex-status?job=….');
  return id;
}

async function reindexOne(context: Context, type: string, id: string): Promise<Answer> {
  await currentOf(context, type, id);
  const { looked, changed, failed } = await context.reindexing.resource(type, id);
  if (looked === 0) throw failure(409, 'conflict', `${type}/${id} was deleted meanwhile.`);
  if (failed.length > 0) throw failure(500, 'exception', `${type}/${id} can't be indexed; osteon check tells more.`);
  const parameter = [
    { name: 'resource', valueReference: { reference: `${type}/${id}` } },
    { name: 'changed', valueBoolean: changed > 0 },
  ];
  return { status: 200, body: bytesOf({ resourceType: 'Parameters', parameter }) };
}

function accepted({ settings }: Context, { id, done, total }: ReindexJob): Answer {
  const progress = `${done} of ${total} resources`;
  const status = `${settings.baseUrl}/$reindex-status?job=${id}`;
  const text = `Reindexing: ${progress} are done. Ask again at ${status}`;
  return {
    status: 202,
    headers: {
      'Content-Location': status,
      'X-Progress': progress,
      'Retry-After': String(askAgain),
    },
    body: bytesOf(operationOutcome([{ severity: 'information', code: 'informational', diagnostics: text }])),
  };
}

function resultOf({ started, done, changed, failed, failures }: ReindexJob, ended: number): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'started', valueInstant: formatInstant(started) },
      { name: 'ended', valueInstant: formatInstant(ended) },
      { name: 'resources', valueInteger: done },
      { name: 'changed', valueInteger: changed },
      { name: 'failed', valueInteger: failed },
      ...failures.map((reference) => ({ name: 'failure', valueReference: { reference } })),
    ],
  };
}
