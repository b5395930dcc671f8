/** Conditional references: links that name what they lead to by criteria. https://hl7.org/fhir/R4/http.html#trules */
import { failure, OutcomeError } from '../../fhir/outcome.ts';
import type { Criterion } from '../../search/criteria.ts';
import type { Condition } from '../../store/write.ts';
import { parsedCondition } from '../condition.ts';
import type { Context } from '../context.ts';
import { type Across, idsByType } from './across.ts';
import type { OwnResources } from './own.ts';

/** `Type?criteria` taken apart. */
export interface ConditionalReference {
  readonly text: string;
  readonly type: string;
  readonly criterion: Criterion;
}

const none: ReadonlySet<string> = new Set();

/** For each type the ids whose stored content the bundle replaces or deletes. */
export function replacedOf(
  own: OwnResources,
  types: ReadonlySet<string>,
  deleted: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const gone = idsByType(deleted);
  return new Map([...types].map((type) => [type, new Set([...own.ids(type), ...(gone.get(type) ?? [])])]));
}

/** The one match of a conditional reference in the state after the bundle's own writes. */
export async function targetOf(
  context: Context,
  own: OwnResources,
  replaced: ReadonlyMap<string, ReadonlySet<string>>,
  { text, type, criterion }: ConditionalReference,
  across: Across,
  conditions: Condition[],
): Promise<string | OutcomeError> {
  const sides = await across.sidesOf(criterion, type);
  const gone = replaced.get(type) ?? none;
  const limit = 2 + gone.size;
  const matches = await context.store.matches(type, sides.stored, limit);
  conditions.push({ type, criterion: sides.stored, matches, limit });
  const found = new Set([
    ...matches.filter((id) => !gone.has(id)),
    ...own.matching(type, sides.own).map(({ id }) => id),
  ]);
  const [only] = found;
  if (found.size === 1 && only !== undefined) return `${type}/${only}`;
  const many = found.size > 1 ? 'several resources' : 'nothing';
  const code = found.size > 1 ? 'multiple-matches' : 'not-found';
  return failure(412, code, `The conditional reference ${text} matches ${many}; it must match exactly one.`);
}

/** `Type?criteria` taken apart, or what is wrong with it. */
export async function conditionalReference(
  context: Context,
  text: string,
): Promise<ConditionalReference | OutcomeError> {
  const mark = text.indexOf('?');
  const type = text.slice(0, mark);
  if (!context.definitions.resourceTypes.has(type)) {
    return failure(400, 'value', `${type} is no resource type; a conditional reference is Type?criteria.`);
  }
  try {
    return { text, type, criterion: await parsedCondition(context, type, text.slice(mark + 1)) };
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
}
