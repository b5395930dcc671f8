/** OperationOutcome and the error that carries one. https://hl7.org/fhir/R4/operationoutcome.html */

export type IssueSeverity = 'fatal' | 'error' | 'warning' | 'information';

/** https://hl7.org/fhir/R4/valueset-issue-type.html */
export type IssueType =
  | 'invalid'
  | 'structure'
  | 'required'
  | 'value'
  | 'invariant'
  | 'security'
  | 'login'
  | 'forbidden'
  | 'processing'
  | 'not-supported'
  | 'duplicate'
  | 'multiple-matches'
  | 'not-found'
  | 'deleted'
  | 'too-long'
  | 'code-invalid'
  | 'extension'
  | 'too-costly'
  | 'business-rule'
  | 'conflict'
  | 'transient'
  | 'lock-error'
  | 'exception'
  | 'timeout'
  | 'incomplete'
  | 'throttled'
  | 'informational';

export interface Issue {
  readonly severity: IssueSeverity;
  readonly code: IssueType;
  /** A text that a person can act on; never a stack trace, never a resource's contents. */
  readonly diagnostics: string;
  /** FHIRPath of the element at fault, e.g. `Patient.name[0].family`. */
  readonly expression?: readonly string[];
  /** The rule that is broken: an invariant's key (`obs-6`), or what kind of rule a profile has there (`slicing`). */
  readonly details?: { readonly coding: readonly [{ readonly system: string; readonly code: string }] };
}

/** Codes of rules: invariants' keys, and the other rules that validation knows. */
export const ruleSystem = 'http://osteon.example/CodeSystem/validation-rule';

/** What names a rule in an issue's `details`. */
export function ruleDetails(key: string): NonNullable<Issue['details']> {
  return { coding: [{ system: ruleSystem, code: key }] };
}

export interface OperationOutcome {
  readonly resourceType: 'OperationOutcome';
  readonly issue: readonly Issue[];
}

/** An OperationOutcome of these issues. */
export function operationOutcome(issues: readonly Issue[]): OperationOutcome {
  return { resourceType: 'OperationOutcome', issue: issues };
}

const severities: readonly IssueSeverity[] = ['fatal', 'error', 'warning', 'information'];

/** The errors before the warnings, otherwise in their order: clients show the first. */
export function worstFirst(issues: readonly Issue[]): readonly Issue[] {
  return issues.toSorted((one, other) => severities.indexOf(one.severity) - severities.indexOf(other.severity));
}

/** An expected failure of an interaction: an HTTP status, its issues, and headers that belong to it (`ETag`, `Allow`). */
export class OutcomeError extends Error {
  readonly status: number;
  readonly issues: readonly Issue[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, issues: readonly Issue[], headers: Readonly<Record<string, string>> = {}) {
    super(issues[0]?.diagnostics ?? `status ${status}`);
    this.name = 'OutcomeError';
    this.status = status;
    this.issues = issues;
    this.headers = headers;
  }
}

/** An OutcomeError with one issue of severity `error`. `expression` names the element at fault, if one is. */
export function failure(status: number, code: IssueType, diagnostics: string, expression?: string): OutcomeError {
  const issue: Issue = { severity: 'error', code, diagnostics };
  return new OutcomeError(status, [expression === undefined ? issue : { ...issue, expression: [expression] }]);
}
