/** The structure of a Bundle around its resources. https://hl7.org/fhir/R4/bundle.html */
import type { BundleOutline, EntryOutline } from '../../fhir/json.ts';
import { type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { checkStructure } from '../../validation/structure.ts';
import type { Context } from '../context.ts';

/** Throws 400 where the Bundle itself, without its entries, has unknown or malformed members. */
export function checkEnvelope({ definitions }: Context, { members }: BundleOutline): void {
  const issues = checkStructure(members, definitions);
  if (issues.length > 0) throw new OutcomeError(400, issues);
}

/** Throws 400 where an entry without its resource has unknown or malformed members. */
export function checkEntry({ definitions }: Context, { members }: EntryOutline, index: number): void {
  // An entry of nothing but a resource lacks a request, which says more than that it is empty.
  if (Object.keys(members).length === 0) return;
  const issues = checkStructure({ resourceType: 'Bundle', entry: [members] }, definitions);
  if (issues.length > 0)
    throw new OutcomeError(
      400,
      issues.map((issue) => placed(issue, index)),
    );
}

function placed(issue: Issue, index: number): Issue {
  const expression = issue.expression?.map((each) => each.replace('Bundle.entry[0]', `Bundle.entry[${index}]`));
  return expression === undefined ? issue : { ...issue, expression };
}
