/** Invariants of R4 whose expressions don't say what their texts say. https://hl7.org/fhir/R4/conformance-rules.html#constraints */

export interface Correction {
  /** Keys of the invariants that have it. */
  readonly keys: string;
  /** R4's expression, to the letter. */
  readonly expression: string;
  readonly instead: string;
  readonly reason: string;
}

// Many expect that `startsWith`, `matches`, `is` and comparisons of nothing are false; in FHIRPath they are nothing. app-4, bdl-8 and tim-9
// are put right in the definitions package already, but not in packages of profiles, whose snapshots repeat R4's own text.
export const corrections: readonly Correction[] = [
  {
    keys: 'ref-1',
    expression:
      "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))",
    instead:
      "reference.hasValue().not() or reference.startsWith('#').not() or reference = '#' or (reference.substring(1) in %rootResource.contained.id)",
    reason: 'A Reference may have an identifier or a display alone; # is the container. R4B has it so.',
  },
  {
    keys: 'dom-3',
    expression:
      "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()",
    instead:
      "contained.where(((id.exists() and ('#'+id in (%resource.descendants().reference | %resource.descendants().ofType(canonical) | %resource.descendants().ofType(uri) | %resource.descendants().ofType(url)))) or descendants().where(reference = '#').exists() or descendants().where($this.ofType(canonical) = '#').exists() or descendants().where($this.ofType(uri) = '#').exists()).not()).empty()",
    reason: 'What has no id is referred to by nothing; canonical stands twice, the second time for uri. R4B has it so.',
  },
  {
    keys: 'per-1',
    expression: 'start.hasValue().not() or end.hasValue().not() or (start <= end)',
    instead: 'start.hasValue().not() or end.hasValue().not() or iif(start > end, false, true)',
    reason: 'Dates of different precision may leave it open which comes first: 2012-01 to 2012-01-15 is a period.',
  },
  {
    keys: 'rng-2',
    expression: 'low.empty() or high.empty() or (low <= high)',
    instead: 'low.empty() or high.empty() or iif(low > high, false, true)',
    reason: 'A limit without a value, or units that can not be compared, leave it open.',
  },
  {
    keys: 'inv-1 of Task',
    expression: 'lastModified.exists().not() or authoredOn.exists().not() or lastModified >= authoredOn',
    instead: 'lastModified.exists().not() or authoredOn.exists().not() or iif(lastModified < authoredOn, false, true)',
    reason: 'As per-1.',
  },
  {
    keys: 'mdd-1',
    expression: 'whenHandedOver.empty() or whenPrepared.empty() or whenHandedOver >= whenPrepared',
    instead: 'whenHandedOver.empty() or whenPrepared.empty() or iif(whenHandedOver < whenPrepared, false, true)',
    reason: 'As per-1.',
  },
  {
    keys: 'ras-2',
    expression: 'probability is decimal implies (probability as decimal) <= 100',
    instead: 'probability.ofType(decimal).hasValue().not() or probability.ofType(decimal) <= 100',
    reason: 'There may be no probability.',
  },
  {
    keys: 'que-7',
    expression: "operator = 'exists' implies (answer is Boolean)",
    instead: "operator = 'exists' implies (answer is boolean)",
    reason: "Boolean is FHIRPath's own type, which no element has. R5 has it so.",
  },
  {
    keys: 'con-3',
    expression:
      "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.select($this='problem-list-item').empty()",
    instead:
      "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-category' and code = 'problem-list-item').empty()",
    reason: 'A category is no text: the rule is about the code, as its text says.',
  },
  {
    keys: 'names of conformance resources: adf-0, cpb-0 … vsd-0',
    expression: "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
    instead: "name.hasValue().not() or name.matches('^[A-Z]([A-Za-z0-9_]){0,254}$')",
    reason: 'The whole name is meant, where there is one. R5 has it so.',
  },
  {
    keys: 'eld-11',
    expression:
      "binding.empty() or type.code.empty() or type.select((code = 'code') or (code = 'Coding') or (code='CodeableConcept') or (code = 'Quantity') or (code = 'string') or (code = 'uri')).exists()",
    instead:
      "binding.empty() or type.code.empty() or type.code.where($this in ('code' | 'Coding' | 'CodeableConcept' | 'Quantity' | 'Duration' | 'string' | 'uri')).exists()",
    reason: 'select gives an answer for each type, and that exists, be it true or false. R5 adds Duration.',
  },
  {
    keys: 'eld-19',
    expression:
      "path.matches('[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\.[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\[x\\\\])?(\\\\:[^\\\\s\\\\.]+)?)*')",
    instead:
      "path.matches('^[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\.[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\[x\\\\])?(\\\\:[^\\\\s\\\\.]+)?)*$')",
    reason: 'The whole path is meant: any part of one matches.',
  },
  {
    keys: 'eld-20',
    expression: "path.matches('[A-Za-z][A-Za-z0-9]*(\\\\.[a-z][A-Za-z0-9]*(\\\\[x])?)*')",
    instead: "path.matches('^[A-Za-z][A-Za-z0-9]*(\\\\.[a-z][A-Za-z0-9]*(\\\\[x])?)*$')",
    reason: 'As eld-19.',
  },
  {
    keys: 'app-4',
    expression:
      "Appointment.cancelationReason.exists() implies (Appointment.status='no-show' or Appointment.status='cancelled')",
    instead:
      "Appointment.cancelationReason.exists() implies (Appointment.status='noshow' or Appointment.status='cancelled')",
    reason: 'The code is noshow.',
  },
  {
    keys: 'bdl-8',
    expression: "fullUrl.contains('/_history/').not()",
    instead: "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    reason: 'There may be no fullUrl.',
  },
  {
    keys: 'tim-9',
    expression: "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))",
    instead: "offset.empty() or (when.exists() and when.select($this in ('C' | 'CM' | 'CD' | 'CV')).allFalse())",
    reason: 'There may be several: in is for one.',
  },
  {
    keys: 'vs-1 of the vital signs profile',
    expression: '($this as dateTime).toString().length() >= 8',
    instead: '$this.ofType(dateTime).hasValue().not() or $this.ofType(dateTime).toString().length() >= 8',
    reason: 'The profile allows a Period too.',
  },
];

const byExpression: ReadonlyMap<string, string> = new Map(
  corrections.map(({ expression, instead }) => [expression, instead]),
);

/** An expression, or what is meant by it. */
export function corrected(expression: string): string {
  return byExpression.get(expression) ?? expression;
}
