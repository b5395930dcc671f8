/** Which resource each entry of a transaction reads or writes. https://hl7.org/fhir/R4/http.html#trules */
import { resourceTypeOf } from '../../fhir/json.ts';
import { failure, type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { makePace } from '../../store/pace.ts';
import type { Version } from '../../store/port.ts';
import type { Condition, Precondition } from '../../store/write.ts';
import { multipleMatches, resolveCondition } from '../condition.ts';
import type { Context } from '../context.ts';
import { criteriaOf } from '../create.ts';
import { checkDeletions, deletionLimit } from '../delete.ts';
import { patchTarget } from '../patch.ts';
import { prepareResource } from '../prepare.ts';
import { conditionalTarget, preconditionOf } from '../update.ts';
import { type Entry, mostIssues, withExpression, within } from './entry.ts';
import { bothEntries, type Conditional, settle } from './overlap.ts';

/** What an entry comes to. */
export type Action =
  | {
      readonly kind: 'put';
      readonly method: 'POST' | 'PUT' | 'PATCH';
      readonly type: string;
      readonly id: string;
      readonly precondition: Precondition | undefined;
    }
  | {
      readonly kind: 'delete';
      readonly type: string;
      readonly ids: readonly string[];
      readonly precondition: Precondition | undefined;
    }
  /** A conditional create with a match: nothing is written. */
  | { readonly kind: 'found'; readonly version: Version }
  /** A conditional create that finds what another entry creates. */
  | { readonly kind: 'same'; readonly type: string; readonly id: string; readonly as: number }
  | { readonly kind: 'read' };

export interface Resolved {
  readonly entry: Entry;
  readonly action: Action;
}

export interface Resolution {
  /** In request order. */
  readonly resolved: readonly Resolved[];
  readonly conditions: readonly Condition[];
  /** What the bundle deletes, as `Type/id`. */
  readonly deleted: ReadonlySet<string>;
}

/**
 * Resolves ids and criteria. Deletions come first, as they are processed first: a resource that the bundle deletes is
 * no match for its other entries. Then the other criteria are compared with what the bundle itself creates.
 * Throws 400 naming both entries where two would write one resource, 412 for criteria with several matches.
 */
export async function resolveEntries(context: Context, entries: readonly Entry[]): Promise<Resolution> {
  const resolver = new Resolver(context);
  const pace = makePace();
  for (const entry of entries) {
    if (entry.call.interaction === 'delete') await resolver.add(entry);
    await pace();
  }
  for (const entry of entries) {
    if (entry.call.interaction !== 'delete') await resolver.add(entry);
    await pace();
  }
  return resolver.resolution();
}

class Resolver {
  readonly #context: Context;
  readonly #resolved: Resolved[] = [];
  readonly #conditions: Condition[] = [];
  readonly #deleted = new Set<string>();
  /** How many of each type. */
  readonly #deletions = new Map<string, number>();
  /** `Type/id` that entries write, with the entry. */
  readonly #writers = new Map<string, Entry>();
  /** Creates, updates and patches with criteria, unless a create found a match. */
  readonly #conditional: Conditional[] = [];
  readonly #issues: Issue[] = [];
  #status = 400;

  constructor(context: Context) {
    this.#context = context;
  }

  async add(entry: Entry): Promise<void> {
    try {
      const action = await this.#resolve(entry);
      this.#claim(entry, action);
      this.#resolved.push({ entry, action });
    } catch (thrown) {
      const error = within(entry.expression, thrown);
      if (!(error instanceof OutcomeError)) throw error;
      if (this.#issues.length === 0) this.#status = error.status;
      if (this.#issues.length < mostIssues) this.#issues.push(...error.issues);
    }
  }

  async resolution(): Promise<Resolution> {
    if (this.#issues.length > 0) throw new OutcomeError(this.#status, this.#issues);
    const inOrder = this.#resolved.toSorted((a, b) => a.entry.index - b.entry.index);
    const resolved = await settle(this.#context, inOrder, this.#conditional, this.#deleted, this.#conditions);
    return { resolved, conditions: this.#conditions, deleted: this.#deleted };
  }

  #resolve(entry: Entry): Action | Promise<Action> {
    switch (entry.call.interaction) {
      case 'create':
        return this.#create(entry);
      case 'update':
        return this.#update(entry);
      case 'patch':
        return this.#patch(entry);
      case 'delete':
        return this.#delete(entry);
      default:
        return { kind: 'read' };
    }
  }

  async #create(entry: Entry): Promise<Action> {
    const { call, expression } = entry;
    const type = this.#typeOf(entry);
    if (call.ifNoneExist !== undefined) {
      const at = `${expression}.request.ifNoneExist`;
      const criteria = withExpression(at, () => criteriaOf(call.ifNoneExist ?? '', type));
      const condition = await this.#condition(type, criteria, 2, at);
      const [match, another] = condition.matches;
      if (another !== undefined) throw multipleMatches(type, at);
      const version = match === undefined ? undefined : await this.#context.store.read(type, match);
      if (version?.body !== undefined) return { kind: 'found', version };
      // Deleted between the two look-ups: as if it had not been there.
      if (match !== undefined) this.#forget(match);
      this.#conditional.push({ entry, type, criterion: condition.criterion, matched: false, at });
    }
    return { kind: 'put', method: 'POST', type, id: this.#context.newId(), precondition: undefined };
  }

  async #update(entry: Entry): Promise<Action> {
    const { call, expression } = entry;
    const { id } = call;
    const type = this.#typeOf(entry);
    const precondition = withExpression(`${expression}.request`, () => preconditionOf(call));
    if (id !== undefined) return { kind: 'put', method: 'PUT', type, id, precondition };
    const { resource } = prepareResource(this.#context, bytesOf(entry), type);
    const at = `${expression}.request.url`;
    const condition = await this.#condition(type, call.query, 2, at);
    const target = await conditionalTarget(this.#context, type, condition, resource.id, at);
    const matched = condition.matches.length > 0;
    this.#conditional.push({ entry, type, criterion: condition.criterion, matched, at });
    const both = { ...precondition, ...target.precondition };
    return { kind: 'put', method: 'PUT', type, id: target.id, precondition: both };
  }

  async #patch(entry: Entry): Promise<Action> {
    const { call, expression } = entry;
    const { type = '', id } = call;
    const precondition = withExpression(`${expression}.request`, () => preconditionOf(call));
    if (id !== undefined) return { kind: 'put', method: 'PATCH', type, id, precondition };
    const at = `${expression}.request.url`;
    const condition = await this.#condition(type, call.query, 2, at);
    const target = patchTarget(type, condition, at);
    this.#conditional.push({ entry, type, criterion: condition.criterion, matched: true, at });
    return { kind: 'put', method: 'PATCH', type, id: target, precondition };
  }

  async #delete({ call, expression }: Entry): Promise<Action> {
    const { type = '', id } = call;
    const precondition = withExpression(`${expression}.request`, () => preconditionOf(call));
    if (id !== undefined) return { kind: 'delete', type, ids: [id], precondition };
    const at = `${expression}.request.url`;
    // As the store is before the bundle: what another entry deletes too is an overlap, not a missing match.
    const limit = deletionLimit(this.#context);
    const condition = await this.#look(type, call.query, limit, at);
    checkDeletions(this.#context, condition, precondition, at);
    return { kind: 'delete', type, ids: condition.matches, precondition };
  }

  /** The condition as the store sees it before the bundle, for the commit. */
  async #look(type: string, criteria: string, limit: number, expression: string): Promise<Condition> {
    try {
      const condition = await resolveCondition(this.#context, type, criteria, limit);
      this.#conditions.push(condition);
      return condition;
    } catch (error) {
      throw within(expression, error);
    }
  }

  /** The same, with its matches here without what is deleted. */
  async #condition(type: string, criteria: string, limit: number, expression: string): Promise<Condition> {
    const deletions = this.#deletions.get(type) ?? 0;
    const condition = await this.#look(type, criteria, limit + deletions, expression);
    if (deletions === 0) return condition;
    const matches = condition.matches.filter((id) => !this.#deleted.has(`${type}/${id}`));
    return { ...condition, matches: matches.slice(0, limit) };
  }

  /** Takes a match out of the condition that was looked at last. */
  #forget(match: string): void {
    const last = this.#conditions.pop();
    if (last !== undefined) this.#conditions.push({ ...last, matches: last.matches.filter((id) => id !== match) });
  }

  /** The type that the URL names, which the resource must have. */
  #typeOf({ call, expression }: Entry): string {
    const { type, body } = call;
    const sent = body === undefined ? undefined : resourceTypeOf(body.bytes);
    if (type === undefined || sent === undefined || sent === type) return type ?? '';
    const text = `The resource is a ${sent}, but request.url is that of ${type}.`;
    throw failure(400, 'invalid', text, `${expression}.resource`);
  }

  #claim(entry: Entry, action: Action): void {
    if (action.kind !== 'put' && action.kind !== 'delete') return;
    const { type } = action;
    for (const id of action.kind === 'put' ? [action.id] : action.ids) {
      const key = `${type}/${id}`;
      const other = this.#writers.get(key);
      if (other !== undefined) {
        throw bothEntries(`${other.expression} and ${entry.expression} both write ${key}.`, other, entry);
      }
      this.#writers.set(key, entry);
      if (action.kind === 'put') continue;
      this.#deleted.add(key);
      this.#deletions.set(type, (this.#deletions.get(type) ?? 0) + 1);
    }
  }
}

function bytesOf({ call, expression }: Entry): Uint8Array {
  if (call.body === undefined) throw failure(400, 'required', 'The entry has no resource.', `${expression}.resource`);
  return call.body.bytes;
}
