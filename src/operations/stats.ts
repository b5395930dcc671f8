/**
 * `$stats`: what matches of a search have of coded fields and numbers, counted by the store. An operation of this server's own;
 * R4's `$stats` is of an Observation's values: https://hl7.org/fhir/R4/observation-operation-stats.html
 */
import { failure } from '../fhir/outcome.ts';
import { findCanonical } from '../interactions/canonical.ts';
import { refuseAmbiguous, searchContext } from '../interactions/condition.ts';
import type { Answer, Call, Context, Operation, QueryParameters } from '../interactions/context.ts';
import { single } from '../interactions/cut.ts';
import { withTerms } from '../interactions/terms.ts';
import type { Criterion } from '../search/criteria.ts';
import { nearest } from '../search/nearest.ts';
import { parseSearch } from '../search/query.ts';
import { resultParameters } from '../search/result-parameters.ts';
import type { TalliedGroup } from '../store/tally.ts';
import { profileNamed } from './named-profile.ts';
import { chosenFields, groupingOf } from './stats/fields.ts';
import { groupParameters, tokenParameter } from './stats/parameters.ts';

/** Names of this operation that aren't criteria. */
const own: ReadonlySet<string> = new Set(['type', 'profile', 'field', 'by', 'values']);
/** Most frequent values of a field that are told, unless `values` says otherwise. */
const usualValues = 50;
const mostValues = 1000;
/** Groups that are told. */
const mostGroups = 1000;

const encoder = new TextEncoder();

/** 200 with Parameters; 400 for what can't be counted, or for too much of it. */
export const stats: Operation = {
  name: '$stats',
  definition: 'http://osteon.example/OperationDefinition/stats',
  levels: ['system'],
  affectsState: false,
  run: statistics,
};

async function statistics(context: Context, call: Call): Promise<Answer> {
  const { type, criteria } = await searched(context, call);
  const fields = chosenFields(context.registry, type, listed(call.parameters, 'field'));
  const grouping = single(call.parameters, 'by');
  const by = grouping === undefined ? undefined : groupingOf(context.registry, type, grouping);
  const most = valuesOf(call.parameters);
  const tally = await context.store.tally({
    type,
    criterion: await criterionOf(context, type, criteria),
    fields: fields.map(({ parameter }) => parameter),
    by: by?.parameter,
    budget: context.settings.searchBudget,
  });
  if (tally.groups.length > mostGroups) {
    throw failure(400, 'too-costly', `by=${grouping} makes more than ${mostGroups} groups. Choose a coarser field.`);
  }
  const groups = [...tally.groups].sort(mostFirst);
  const told = groups.map((group) => {
    const parameters = groupParameters(fields, group, most);
    if (by === undefined) return parameters;
    const code = group.by === undefined ? [] : [tokenParameter(by.code, { kind: 'token', ...group.by })];
    return [{ name: 'group', part: [...code, { name: 'total', valueInteger: group.total }, ...parameters] }];
  });
  const parameter = [{ name: 'type', valueCode: type }, { name: 'total', valueInteger: tally.total }, ...told.flat()];
  return { status: 200, body: encoder.encode(JSON.stringify({ resourceType: 'Parameters', parameter })) };
}

/** The type that is counted, and the criteria. Throws 400 where neither type nor profile names one. */
async function searched(
  context: Context,
  { parameters }: Call,
): Promise<{ readonly type: string; readonly criteria: QueryParameters }> {
  const named = single(parameters, 'type');
  const profile = single(parameters, 'profile');
  const criteria = parameters.filter(([name]) => !own.has(name));
  if (profile === undefined) return { type: countable(context, named), criteria };
  const canonical = profile.includes(':') ? profile : await profileNamed(context, profile);
  const found = canonical === undefined ? undefined : await findCanonical(context, 'StructureDefinition', canonical);
  if (canonical === undefined || found === undefined)
    throw failure(400, 'not-found', `profile: there is no StructureDefinition ${profile.slice(0, 200)} here.`);
  const { type } = found.content();
  if (named !== undefined && named !== type) {
    throw failure(
      400,
      'invalid',
      `profile: ${profile.slice(0, 200)} is one of ${String(type)}, not of ${named.slice(0, 80)}.`,
    );
  }
  return { type: countable(context, String(type)), criteria: [['_profile', canonical], ...criteria] };
}

function countable({ definitions }: Context, type: string | undefined): string {
  if (type === undefined) throw failure(400, 'required', 'Say of what: $stats?type=Patient, or $stats?profile=….');
  if (type === 'AuditEvent') throw failure(400, 'not-supported', 'type: AuditEvents are not counted by $stats.');
  if (definitions.resourceTypes.has(type)) return type;
  const meant = nearest(type, [...definitions.resourceTypes]).join(', ');
  throw failure(400, 'value', `type: there is no resource type "${type.slice(0, 80)}"; nearest: ${meant}.`);
}

async function criterionOf(context: Context, type: string, criteria: QueryParameters): Promise<Criterion> {
  const result = criteria.find(([name]) => resultParameters.has(name));
  if (result !== undefined) {
    throw failure(400, 'not-supported', `${result[0]}: $stats takes criteria, type, profile, field, by and values.`);
  }
  // What is ignored would change every number, so nothing is.
  const searching = searchContext(context, [type], 'strict');
  const parsed = await withTerms(context, searching, (known) => parseSearch(criteria, known));
  await refuseAmbiguous(context, parsed.ambiguousIds);
  const [part] = parsed.parts;
  if (part === undefined) throw new Error('a search of one type has a part');
  return part.criterion;
}

function listed(parameters: QueryParameters, name: string): readonly string[] {
  const values = parameters.filter(([given]) => given === name).flatMap(([, value]) => value.split(','));
  return [...new Set(values.map((value) => value.trim()).filter((value) => value !== ''))];
}

function valuesOf(parameters: QueryParameters): number {
  const text = single(parameters, 'values');
  if (text === undefined) return usualValues;
  if (/^[0-9]{1,4}$/.test(text) && Number(text) <= mostValues) return Number(text);
  throw failure(400, 'value', `values must be a number up to ${mostValues}: how many values of a field are listed.`);
}

/** By how many there are; those without a code last. */
function mostFirst(a: TalliedGroup, b: TalliedGroup): number {
  if (a.by === undefined || b.by === undefined) return Number(a.by === undefined) - Number(b.by === undefined);
  return b.total - a.total || (`${a.by.system}|${a.by.value}` < `${b.by.system}|${b.by.value}` ? -1 : 1);
}
