/** Chains from and to the server's own AuditEvents, which lie outside the index. https://hl7.org/fhir/R4/auditevent.html#search */
import { parseJson } from '../fhir/json.ts';
import { isResource } from '../fhir/resource.ts';
import type { ChainCriterion, Criterion, HasCriterion } from '../search/criteria.ts';
import { TooCostly } from '../store/errors.ts';
import type { SearchPage, SearchQuery, Version } from '../store/port.ts';
import type { Context } from './context.ts';

/** How many resources a chain leads over at most. */
const most = 1000;

/** Searches AuditEvents, the server's own too. */
export type SearchAuditEvents = (context: Context, query: SearchQuery) => Promise<SearchPage>;

/**
 * A criterion on AuditEvents without chains: they are followed first. Throws TooCostly where one leads over too many
 * resources.
 */
export function followed(context: Context, criterion: Criterion, budget: number): Promise<Criterion> {
  return mapped(criterion, async (chained) => {
    if (chained.kind === 'has') {
      const sources = await found(context, chained.parameter.type, chained.of, budget);
      return { kind: 'id', ids: referredBy(context, chained, 'AuditEvent', sources) };
    }
    const { parameter, target, of } = chained;
    const ids = await context.store.matches(target, of, most + 1);
    if (ids.length > most) throw tooMany();
    if (ids.length === 0) return { kind: 'or', of: [] };
    return { kind: 'value', parameter, anyOf: ids.map((id) => ({ kind: 'reference', type: target, id })) };
  });
}

/**
 * A criterion on resources of a type whose reverse chains from AuditEvent, those at the ends of other chains too, also look
 * at the server's own. Throws TooCostly where one leads over too many.
 */
export function withOwnAuditEvents(
  context: Context,
  type: string,
  criterion: Criterion,
  budget: number,
  search: SearchAuditEvents,
): Promise<Criterion> {
  return mapped(criterion, async (chained) => {
    if (chained.kind !== 'has' || chained.parameter.type !== 'AuditEvent') {
      const end = chained.kind === 'chain' ? chained.target : chained.parameter.type;
      return { ...chained, of: await withOwnAuditEvents(context, end, chained.of, budget, search) };
    }
    const parts = [{ type: 'AuditEvent', criterion: chained.of, sort: [] }];
    const page = await search(context, { parts, count: most, total: 'none', totalBound: 0, budget });
    if (page.next !== undefined) throw tooMany();
    return { kind: 'id', ids: referredBy(context, chained, type, page.matches) };
  });
}

/** Whether a criterion has a reverse chain from AuditEvent, on the resources that it tests or at the end of a chain. */
export function namesAuditEvent(criterion: Criterion): boolean {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return criterion.of.some(namesAuditEvent);
    case 'not':
      return namesAuditEvent(criterion.of);
    case 'chain':
      return namesAuditEvent(criterion.of);
    case 'has':
      return criterion.parameter.type === 'AuditEvent' || namesAuditEvent(criterion.of);
    default:
      return false;
  }
}

/** The criterion with each chain in it made another one. */
async function mapped(
  criterion: Criterion,
  change: (chained: ChainCriterion | HasCriterion) => Promise<Criterion>,
): Promise<Criterion> {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return { kind: criterion.kind, of: await Promise.all(criterion.of.map((part) => mapped(part, change))) };
    case 'not':
      return { kind: 'not', of: await mapped(criterion.of, change) };
    case 'chain':
    case 'has':
      return change(criterion);
    default:
      return criterion;
  }
}

async function found(
  { store }: Context,
  type: string,
  criterion: Criterion,
  budget: number,
): Promise<readonly Version[]> {
  const parts = [{ type, criterion, sort: [] }];
  const page = await store.search({ parts, count: most, total: 'none', totalBound: 0, budget });
  if (page.next !== undefined) throw tooMany();
  return page.matches;
}

/** Ids of the resources of a type that these refer to through the parameter. */
function referredBy(
  { extract }: Context,
  { parameter }: HasCriterion,
  type: string,
  versions: readonly Version[],
): readonly string[] {
  const ids = versions.flatMap(({ body }) => {
    const { indexed } = parseJson(body ?? new Uint8Array(0));
    if (!isResource(indexed)) return [];
    return extract(indexed).flatMap(({ parameter: code, value }) =>
      code === parameter.code && value.kind === 'reference' && value.type === type ? [value.id] : [],
    );
  });
  return [...new Set(ids)];
}

function tooMany(): TooCostly {
  return new TooCostly(`A chain leads over more than ${most} resources: narrow what stands at its end.`);
}
