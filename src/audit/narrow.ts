/** What a criterion on AuditEvent asks of the index of records: no less than it finds. https://hl7.org/fhir/R4/auditevent.html#search */
import type { AuditQuery } from '../store/audit-log.ts';
import type { Criterion, InstantTest, ValueCriterion, ValueTest } from './criterion.ts';

type Lists = 'ids' | 'agents' | 'patients' | 'entities' | 'actions' | 'subtypes' | 'outcomes';
/** Fields of which a record has one value, so that two lists of them can be cut. */
const single: ReadonlySet<Lists> = new Set<Lists>(['ids', 'agents', 'actions', 'subtypes', 'outcomes']);
const lists: readonly Lists[] = ['ids', 'agents', 'patients', 'entities', 'actions', 'subtypes', 'outcomes'];

const everything = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
const nothing: AuditQuery = { ids: [] };

/** Codes that a test without regard to case may mean. */
const codes: Readonly<Partial<Record<Lists, readonly string[]>>> = {
  actions: ['C', 'R', 'U', 'D', 'E'],
  outcomes: ['0', '4', '8', '12'],
};

/** A query that finds every record for which the criterion may hold. */
export function narrow(criterion: Criterion): AuditQuery {
  switch (criterion.kind) {
    case 'and':
      return criterion.of.map(narrow).reduce(both, {});
    case 'or':
      return criterion.of.map(narrow).reduce(either, nothing);
    case 'id':
      return { ids: criterion.ids };
    case 'lastUpdated':
      return { recorded: hull(criterion.interval, 0) };
    case 'value':
      return criterion.anyOf.map((test) => narrowTest(criterion, test)).reduce(either, nothing);
    case 'words':
      // They have no narrative.
      return criterion.scope === 'narrative' ? nothing : {};
    case 'not':
    case 'differs':
    case 'missing':
    case 'referenced':
    case 'chain':
    case 'has':
    case 'hierarchy':
    case 'contains':
      return {};
  }
}

function narrowTest({ parameter }: ValueCriterion, test: ValueTest): AuditQuery {
  if (test.kind === 'date') return parameter.code === 'date' ? { recorded: hull(test.interval, 1) } : {};
  if (test.kind === 'reference') {
    const reference = `${test.type}/${test.id}`;
    if (parameter.code === 'entity') return { entities: [reference] };
    if (parameter.code === 'agent') return { agents: [reference] };
    if (parameter.code === 'patient') return test.type === 'Patient' ? { patients: [test.id] } : nothing;
    return {};
  }
  if (test.kind !== 'token' || test.code === undefined || test.begins === true) return {};
  const list = ({ action: 'actions', outcome: 'outcomes', subtype: 'subtypes' } as const)[parameter.code];
  if (list === undefined) return {};
  if (!test.fold) return { [list]: [test.code] };
  const sought = test.code.toLowerCase();
  const meant = codes[list]?.filter((code) => code.toLowerCase() === sought);
  // Subtypes are written in lower case.
  return { [list]: meant ?? [sought] };
}

function both(left: AuditQuery, right: AuditQuery): AuditQuery {
  const query: { -readonly [K in Lists]?: readonly string[] } = {};
  for (const list of lists) {
    const [a, b] = [left[list], right[list]];
    const cut =
      single.has(list) && a !== undefined && b !== undefined ? a.filter((value) => b.includes(value)) : (a ?? b);
    if (cut !== undefined) query[list] = cut;
  }
  const [a, b] = [left.recorded, right.recorded];
  if (a === undefined || b === undefined) {
    const recorded = a ?? b;
    return recorded === undefined ? query : { ...query, recorded };
  }
  return { ...query, recorded: { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) } };
}

function either(left: AuditQuery, right: AuditQuery): AuditQuery {
  if (isNothing(left)) return right;
  if (isNothing(right)) return left;
  const query: { -readonly [K in Lists]?: readonly string[] } = {};
  for (const list of lists) {
    const [a, b] = [left[list], right[list]];
    if (a !== undefined && b !== undefined) query[list] = [...new Set([...a, ...b])];
  }
  const [a, b] = [left.recorded, right.recorded];
  if (a === undefined || b === undefined) return query;
  return { ...query, recorded: { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) } };
}

function isNothing(query: AuditQuery): boolean {
  return lists.some((list) => query[list]?.length === 0);
}

/** The instants [low, high) from the least to the greatest for which the test holds; a value lasts `width` milliseconds. */
function hull(interval: InstantTest, width: number): { readonly low: number; readonly high: number } {
  let low: number = everything.high;
  let high: number = everything.low;
  for (const parts of interval) {
    const span = { ...everything };
    for (const { end, operator, value } of parts) {
      const at = end === 'low' ? value : value - width;
      // Instants are whole milliseconds.
      if (operator === '>') span.low = Math.max(span.low, Math.floor(at) + 1);
      else if (operator === '>=') span.low = Math.max(span.low, Math.ceil(at));
      else if (operator === '<') span.high = Math.min(span.high, Math.ceil(at));
      else span.high = Math.min(span.high, Math.floor(at) + 1);
    }
    low = Math.min(low, span.low);
    high = Math.max(high, span.high);
  }
  return { low, high };
}
