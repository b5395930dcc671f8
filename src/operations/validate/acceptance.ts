/** Whether a write would be accepted, without doing it. https://hl7.org/fhir/R4/valueset-resource-validation-mode.html */
import type { Issue } from '../../fhir/outcome.ts';
import { failure, OutcomeError } from '../../fhir/outcome.ts';
import type { Resource } from '../../fhir/resource.ts';
import { inSteps } from '../../fhir/steps.ts';
import type { Call, Context } from '../../interactions/context.ts';
import { warningsOfLoss } from '../../interactions/in-use.ts';
import { referencesParameter, requiredSteps } from '../../interactions/integrity.ts';
import { interactionsOf } from '../../interactions/path.ts';
import { type Prepared, putInPieces } from '../../interactions/prepare.ts';
import { idsByType } from '../../interactions/transaction/across.ts';
import { checkId } from '../../interactions/update.ts';
import type { Criterion, Parameter } from '../../search/criteria.ts';
import { makePace } from '../../store/pace.ts';
import type { ResourceKey } from '../../store/write.ts';
import type { CheckTime } from '../../validation/time.ts';
import type { Mode } from './request.ts';

/** How many references are looked up together. */
const atOnce = 500;

/** How many references to nothing are told of one resource. */
const mostIssues = 50;

/** How many resources that refer to one are named. */
const mostNamed = 10;

/** Why a create or an update of a sound resource would be refused, besides what validation says. */
export async function refusalsOfWrite(
  context: Context,
  { id }: Call,
  mode: Mode | undefined,
  prepared: Prepared,
  time: CheckTime,
): Promise<readonly Issue[]> {
  const { resource } = prepared;
  const type = resource.resourceType;
  const issues: Issue[] = [];
  if (mode === 'create' || mode === 'update') {
    if (!interactionsOf(type).includes(mode)) issues.push(...refused(() => notOffered(type, mode)));
    // Without an id in the URL, an update is that of the resource's own.
    const target = id ?? (typeof resource.id === 'string' ? resource.id : '');
    if (mode === 'update') issues.push(...refused(() => checkId(prepared, target)));
    issues.push(...(await unresolved(context, resource, mode === 'update' ? target : id, time)));
  }
  if (type === 'SearchParameter') {
    const put = await putInPieces(context, prepared, id ?? context.newId(), 'PUT');
    issues.push(...(await refusedLater(() => context.searchParameters.check([put]))));
  }
  return issues;
}

/** The references to nothing, as many as are told of one resource; what isn't looked up within the time is said. */
async function unresolved(
  context: Context,
  resource: Resource,
  ownId: string | undefined,
  time: CheckTime,
): Promise<readonly Issue[]> {
  const required = await inSteps(requiredSteps(context, resource), makePace());
  return time.during(async () => {
    const issues: Issue[] = [];
    for (let from = 0; from < required.length && issues.length < mostIssues; from += atOnce) {
      const some = required.slice(from, from + atOnce);
      if (time.left < 0) {
        const diagnostics = `Checking all references takes more than ${time.budget} ms: those from here on were not looked up.`;
        const expression = some.slice(0, 1).map((each) => each.expression);
        return [...issues, { severity: 'error', code: 'too-costly', diagnostics, expression }];
      }
      const there = await stored(context, some);
      if (ownId !== undefined) there.add(`${resource.resourceType}/${ownId}`);
      const lacking = some.filter(({ type, id }) => !there.has(`${type}/${id}`));
      issues.push(...lacking.map(({ type, id, expression }) => missing(`${type}/${id}`, expression)));
      await time.pause();
    }
    return issues.slice(0, mostIssues);
  });
}

/** Those of the resources that the store has, each as `Type/id`. */
async function stored({ store, definitions }: Context, keys: readonly ResourceKey[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const [type, ids] of idsByType(keys.map(({ type, id }) => `${type}/${id}`))) {
    // A reference may name a type that there isn't.
    const there = definitions.resourceTypes.has(type) ? await store.matches(type, { kind: 'id', ids }, ids.length) : [];
    for (const id of there) found.add(`${type}/${id}`);
  }
  return found;
}

/** Why the resource of a call can't be deleted, and a warning where it is in use. */
export async function refusalsOfDeletion(context: Context, type: string, id: string): Promise<readonly Issue[]> {
  const issues: Issue[] = [];
  if (!interactionsOf(type).includes('delete')) issues.push(...refused(() => notOffered(type, 'delete')));
  if (context.settings.referentialIntegrity === 'full') {
    const referrers = await referrersOf(context, type, id);
    if (referrers.length > 0) {
      const diagnostics = `${type}/${id} can't be deleted: it is referred to by ${referrers.join(', ')}.`;
      issues.push({ severity: 'error', code: 'conflict', diagnostics });
    }
  }
  return [...issues, ...(await warningsOfLoss(context, [{ kind: 'delete', type, id }])).flat()];
}

function notOffered(type: string, mode: Mode): never {
  throw failure(405, 'not-supported', `${type} has no ${mode} on this server.`, type);
}

/** The issues of a refusal. */
export function refused(check: () => void): readonly Issue[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof OutcomeError) return error.issues;
    throw error;
  }
}

/** The same of what takes its time. */
async function refusedLater(check: () => Promise<void>): Promise<readonly Issue[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (error instanceof OutcomeError) return error.issues;
    throw error;
  }
}

function missing(reference: string, expression: string): Issue {
  const diagnostics = `The reference to ${reference} does not resolve on this server.`;
  return { severity: 'error', code: 'not-found', diagnostics, expression: [expression] };
}

/** Resources that refer to one, itself left out, at most ten. */
async function referrersOf(context: Context, type: string, id: string): Promise<readonly string[]> {
  const { store, registry } = context;
  const anyOf = [{ kind: 'reference', type, id } as const];
  const referrers: string[] = [];
  for (const from of (await store.counts()).keys()) {
    const others: Parameter = {
      type: from,
      code: referencesParameter,
      kind: 'reference',
      multiple: true,
      textual: false,
      components: [],
    };
    const parameters = registry.of(from).filter(({ kind }) => kind === 'reference');
    const of = [...parameters.map(({ parameter }) => parameter), others].map(
      (parameter): Criterion => ({ kind: 'value', parameter, anyOf }),
    );
    const found = await store.matches(from, { kind: 'or', of }, mostNamed + 1);
    referrers.push(...found.map((each) => `${from}/${each}`).filter((each) => each !== `${type}/${id}`));
    if (referrers.length >= mostNamed) break;
  }
  return referrers.slice(0, mostNamed);
}
