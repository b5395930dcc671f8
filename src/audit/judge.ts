/** Whether a criterion on AuditEvent holds, told by the record alone where that is possible. https://hl7.org/fhir/R4/auditevent.html#search */
import type { AuditRecord } from '../store/audit-record.ts';
import type { ComparisonOperator, Criterion, InstantTest, TokenTest, ValueCriterion, ValueTest } from './criterion.ts';
import { agentReference, entityReferences } from './render.ts';

/** The coded values of each token parameter that records tell: the same codes that an AuditEvent of the record has. */
const coded: Readonly<Record<string, { readonly system: string; readonly code: (record: AuditRecord) => string }>> = {
  action: { system: 'http://hl7.org/fhir/audit-event-action', code: ({ action }) => action },
  outcome: { system: 'http://hl7.org/fhir/audit-event-outcome', code: ({ outcome }) => outcome },
  subtype: { system: 'http://hl7.org/fhir/restful-interaction', code: ({ subtype }) => subtype },
  type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: () => 'rest' },
};

/** The references of each reference parameter that records tell. */
const referring: Readonly<Record<string, (record: AuditRecord) => readonly string[]>> = {
  entity: entityReferences,
  agent: (record) => agentReferences(record),
  patient: (record) =>
    [...agentReferences(record), ...entityReferences(record)].filter((reference) => reference.startsWith('Patient/')),
};

function agentReferences(record: AuditRecord): readonly string[] {
  const reference = agentReference(record);
  return reference === undefined ? [] : [reference];
}

/** True or false, or undefined where the AuditEvent itself has to be looked at. */
export function judge(criterion: Criterion, record: AuditRecord): boolean | undefined {
  switch (criterion.kind) {
    case 'and':
      return all(criterion.of.map((part) => judge(part, record)));
    case 'or':
      return not(all(criterion.of.map((part) => not(judge(part, record)))));
    case 'not':
      return not(judge(criterion.of, record));
    case 'id':
      return criterion.ids.includes(record.id);
    case 'lastUpdated':
      return within(criterion.interval, record.recorded, record.recorded);
    case 'value':
      return judgeValue(criterion, record);
    case 'words':
      // They have no narrative.
      return criterion.scope === 'narrative' ? false : undefined;
    case 'differs':
    case 'missing':
    case 'referenced':
    case 'chain':
    case 'has':
    case 'hierarchy':
    case 'contains':
      return undefined;
  }
}

function not(judged: boolean | undefined): boolean | undefined {
  return judged === undefined ? undefined : !judged;
}

/** False where any is, else undefined where any is. */
function all(judged: readonly (boolean | undefined)[]): boolean | undefined {
  if (judged.includes(false)) return false;
  return judged.includes(undefined) ? undefined : true;
}

function judgeValue({ parameter, anyOf }: ValueCriterion, record: AuditRecord): boolean | undefined {
  return not(all(anyOf.map((test) => not(judgeTest(parameter.code, test, record)))));
}

function judgeTest(parameter: string, test: ValueTest, record: AuditRecord): boolean | undefined {
  if (test.kind === 'token') {
    return judgeCode(parameter, test, record);
  }
  if (test.kind === 'reference') {
    return referring[parameter]?.(record).includes(`${test.type}/${test.id}`);
  }
  // An instant is written with milliseconds, so it lasts one.
  if (test.kind === 'date' && parameter === 'date') return within(test.interval, record.recorded, record.recorded + 1);
  return undefined;
}

function judgeCode(parameter: string, test: TokenTest, record: AuditRecord): boolean | undefined {
  const known = Object.hasOwn(coded, parameter) ? coded[parameter] : undefined;
  if (known === undefined) return undefined;
  if (test.system !== undefined && test.system !== known.system) return false;
  if (test.code === undefined) return true;
  if (test.begins === true) return undefined;
  const code = known.code(record);
  return test.fold ? test.code.toLowerCase() === code.toLowerCase() : test.code === code;
}

function within(interval: InstantTest, low: number, high: number): boolean {
  return interval.some((parts) =>
    parts.every(({ end, operator, value }) => holds(end === 'low' ? low : high, operator, value)),
  );
}

function holds(left: number, operator: ComparisonOperator, right: number): boolean {
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}
