/** `$meta`: the profiles, tags and security labels in use. https://hl7.org/fhir/R4/resource-operation-meta.html */
import { type ExactObject, exactObject, isExactObject, parseExact, writeExact } from '../fhir/exact-json.ts';
import type { Answer, Context, Operation } from '../interactions/context.ts';
import { currentOf } from '../interactions/read.ts';

/** 200 with Parameters that have one parameter `return` of type Meta. */
export const meta: Operation = {
  name: '$meta',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-meta',
  levels: ['system', 'type', 'instance'],
  affectsState: false,
  run: async (context, call) => {
    const { type, id } = call;
    if (type !== undefined && id !== undefined) return metaAnswer(await metaOfInstance(context, type, id));
    const types = type === undefined ? [...context.definitions.resourceTypes] : [type];
    return metaAnswer(await metaInUse(context, types));
  },
};

/** Parameters with a Meta as `return`; without it where nothing is in use, since R4's JSON has no empty objects. */
export function metaAnswer(value: ExactObject): Answer {
  const parameters: ExactObject = { resourceType: 'Parameters' };
  if (Object.keys(value).length > 0) parameters.parameter = [{ name: 'return', valueMeta: value }];
  return { status: 200, body: writeExact(parameters) };
}

async function metaOfInstance(context: Context, type: string, id: string): Promise<ExactObject> {
  const { body } = await currentOf(context, type, id);
  const resource = parseExact(body);
  return isExactObject(resource) && isExactObject(resource.meta) ? resource.meta : exactObject();
}

/** Every profile, tag and label that a resource of the types has, each once. */
async function metaInUse(context: Context, types: readonly string[]): Promise<ExactObject> {
  const profiles = new Set<string>();
  const codings = { _tag: new Map<string, ExactObject>(), _security: new Map<string, ExactObject>() };
  for (const type of types) {
    const profile = context.registry.get(type, '_profile');
    for (const value of profile === undefined ? [] : await context.store.values(profile)) {
      if (value.kind === 'uri') profiles.add(value.value);
    }
    for (const code of ['_tag', '_security'] as const) {
      const parameter = context.registry.get(type, code);
      for (const value of parameter === undefined ? [] : await context.store.values(parameter)) {
        if (value.kind !== 'token') continue;
        const coding: ExactObject =
          value.system === '' ? { code: value.value } : { system: value.system, code: value.value };
        codings[code].set(`${value.system}|${value.value}`, coding);
      }
    }
  }
  const { _tag: tags, _security: labels } = codings;
  const used = exactObject();
  if (profiles.size > 0) used.profile = [...profiles].sort();
  if (labels.size > 0) used.security = [...labels.values()];
  if (tags.size > 0) used.tag = [...tags.values()];
  return used;
}
