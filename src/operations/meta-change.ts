/** `$meta-add` and `$meta-delete`: change labels without sending the resource. https://hl7.org/fhir/R4/resource-operation-meta-add.html */
import { patientOf } from '../fhir/definitions/patient.ts';
import {
  type ExactJson,
  type ExactObject,
  exactObject,
  isExactObject,
  parseExact,
  writeExact,
} from '../fhir/exact-json.ts';
import { parseStoredInSlices } from '../fhir/large-json.ts';
import { failure } from '../fhir/outcome.ts';
import { jsonBytes } from '../interactions/body.ts';
import { commitPlan } from '../interactions/commit.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import { currentFor } from '../interactions/patch.ts';
import { checkTime, prepareInPieces, prepareResource, putInPieces } from '../interactions/prepare.ts';
import { preconditionOf } from '../interactions/update.ts';
import { Validations } from '../interactions/validate.ts';
import { makePace } from '../store/pace.ts';
import { metaAnswer } from './meta.ts';

/** Profiles, tags and labels: what these operations change. */
const lists = ['profile', 'security', 'tag'] as const;

/** Adds profiles, tags and labels that the resource does not have yet: a new version, unless it has them all. */
export const metaAdd: Operation = {
  name: '$meta-add',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-meta-add',
  levels: ['instance'],
  affectsState: true,
  run: (context, call) =>
    changeMeta(context, call, (present, given) => {
      const all = [...present];
      for (const each of given) if (!all.some((other) => sameLabel(each, other))) all.push(each);
      return all;
    }),
};

/** Removes profiles, tags and labels; what the resource does not have is no fault. */
export const metaDelete: Operation = {
  name: '$meta-delete',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-meta-delete',
  levels: ['instance'],
  affectsState: true,
  run: (context, call) =>
    changeMeta(context, call, (present, given) =>
      present.filter((each) => !given.some((other) => sameLabel(each, other))),
    ),
};

type Change = (present: readonly ExactJson[], given: readonly ExactJson[]) => readonly ExactJson[];

/** Codings are the same label by system and code; profiles by their text. */
function sameLabel(one: ExactJson, other: ExactJson): boolean {
  if (isExactObject(one) && isExactObject(other)) return one.system === other.system && one.code === other.code;
  return one === other;
}

async function changeMeta(context: Context, call: Call, change: Change): Promise<Answer> {
  const { type, id } = call;
  if (type === undefined || id === undefined) throw failure(400, 'required', 'This operation needs a resource.');
  const given = metaParameter(context, call);
  const precondition = preconditionOf(call);
  const validations = new Validations(context);
  return commitPlan(context, async () => {
    const current = await currentFor(context, type, id, precondition);
    const changed = await withMeta(current.body, given, change);
    const time = checkTime(context);
    const prepared = await prepareInPieces(context, changed.bytes, type, time);
    await validations.of(prepared, 0, true, undefined, time);
    const put = await putInPieces(context, prepared, id, 'PUT', { ...precondition, computedFrom: current.versionId });
    const patient = patientOf(prepared.resource);
    return {
      writes: [put],
      conditions: [],
      noted: [{ call, status: 200, type, id, patient }],
      answer: ([written]) => {
        const versionId = written?.versionId ?? current.versionId;
        const lastUpdated = written?.lastUpdated ?? current.lastUpdated;
        return {
          ...metaAnswer({
            ...changed.meta,
            versionId: String(versionId),
            lastUpdated: new Date(lastUpdated).toISOString(),
          }),
          version: { versionId, lastUpdated },
          about: { type, id, patient },
        };
      },
    };
  });
}

/** The Meta that a call's Parameters carry. Throws 400 where they have none, or are none. */
function metaParameter(context: Context, call: Call): ExactObject {
  const body = parseExact(prepareResource(context, jsonBytes(call), 'Parameters').bytes);
  const parameters = isExactObject(body) && Array.isArray(body.parameter) ? body.parameter : [];
  const found = parameters.find((each) => isExactObject(each) && each.name === 'meta');
  const valueMeta = isExactObject(found) ? found.valueMeta : undefined;
  if (isExactObject(valueMeta)) return valueMeta;
  const text = 'The body must be Parameters with a parameter "meta" that has a valueMeta.';
  throw failure(400, 'required', text, 'Parameters.parameter');
}

async function withMeta(
  body: Uint8Array,
  given: ExactObject,
  change: Change,
): Promise<{ readonly bytes: Uint8Array; readonly meta: ExactObject }> {
  const resource = await parseStoredInSlices(body, makePace());
  if (!isExactObject(resource)) throw new Error('a stored resource is an object');
  const meta: ExactObject = isExactObject(resource.meta) ? resource.meta : exactObject();
  for (const list of lists) {
    const result = change(itemsOf(meta, list), itemsOf(given, list));
    // R4's JSON has no empty arrays.
    if (result.length > 0) meta[list] = [...result];
    else delete meta[list];
  }
  resource.meta = meta;
  return { bytes: writeExact(resource), meta };
}

function itemsOf(meta: ExactObject, list: (typeof lists)[number]): readonly ExactJson[] {
  const items = meta[list];
  return Array.isArray(items) ? items : [];
}
