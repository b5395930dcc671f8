/** What `VALIDATION` asks of resources that are to be stored. https://hl7.org/fhir/R4/validation.html */
import { type Issue, OutcomeError, ruleDetails, worstFirst } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/resource.ts';
import type { CheckTime } from '../validation/time.ts';
import { type Coming, withComing } from './coming.ts';
import type { Context } from './context.ts';
import { checkTime, type Prepared } from './prepare.ts';

const none: readonly Issue[] = [];

/** Whether an issue keeps a resource from being stored. */
export const isError = ({ severity }: Issue): boolean => severity === 'error' || severity === 'fatal';

/**
 * Validates the resources that one request writes, each once: a plan that lost a race is made again, with what it knows.
 */
export class Validations {
  readonly #own: Context;
  #context: Context;
  readonly #known = new Map<number, { readonly of: Uint8Array | undefined; readonly issues: readonly Issue[] }>();
  #refreshed: Promise<void> | undefined;

  constructor(context: Context) {
    this.#own = context;
    this.#context = context;
  }

  /** From now on these definitions, which the request stores or deletes too, count as if it had done so; those of an earlier plan don't. */
  beside(coming: readonly Coming[]): void {
    if (coming.length === 0 && this.#context === this.#own) return;
    this.#context = coming.length === 0 ? this.#own : withComing(this.#own, coming);
    this.#refreshed = undefined;
  }

  /**
   * The warnings of a resource. `place`: tells the request's resources apart. `computed`: what it was made of may be another one when
   * it is planned again. `path`: what expressions begin with, where it isn't the resource's type. `time`: what is left of the resource's.
   * Throws 422 with all issues where one of them is an error.
   */
  async of(
    prepared: Prepared,
    place = 0,
    computed = false,
    path?: string,
    time = checkTime(this.#context),
  ): Promise<readonly Issue[]> {
    const { settings, conformance } = this.#context;
    const { validation: level } = settings;
    if (level === 'off') return none;
    const known = this.#known.get(place);
    if (known !== undefined && (known.of === undefined || Buffer.compare(known.of, prepared.bytes) === 0))
      return known.issues;
    this.#refreshed ??= conformance.refresh();
    await this.#refreshed;
    const { resource } = prepared;
    const budget = time;
    const found = await conformance.validate({ resource, level, budget, ...(path === undefined ? {} : { path }) });
    const unusable = await unusableDefinition(this.#context, resource, path ?? resource.resourceType, time);
    const issues = unusable === undefined ? found : [...found, unusable];
    if (issues.some(isError)) throw new OutcomeError(422, worstFirst(issues));
    this.#known.set(place, { of: computed ? prepared.bytes : undefined, issues });
    return issues;
  }
}

/**
 * An error where a resource is a profile that nothing could be checked against, or that can't be read within the time.
 * `path`: what its expression is.
 */
export async function unusableDefinition(
  context: Context,
  resource: Resource,
  path: string,
  time: CheckTime,
): Promise<Issue | undefined> {
  const { resourceType: type, id = '' } = resource;
  if (type !== 'StructureDefinition' || resource.derivation !== 'constraint') return undefined;
  // Logical models constrain types that aren't R4's.
  if (resource.kind === 'logical') return undefined;
  // What it is based on may be based on it.
  const itself = { type, id, content: resource, key: context.newId() };
  const { conformance } = withComing(context, [...(context.coming ?? []), itself]);
  const fault = await time.during(() => conformance.fault(resource, Math.max(1, time.left), time.budget));
  if (fault === undefined) return undefined;
  const diagnostics = `${path} can't be used as a profile: ${fault}`;
  return {
    severity: 'error',
    code: 'invalid',
    diagnostics,
    expression: [path],
    details: ruleDetails('structure-definition'),
  };
}

/** The warnings of a resource that a request sent as it is. Throws what `Validations.of` throws. */
export function validated(context: Context, prepared: Prepared, time?: CheckTime): Promise<readonly Issue[]> {
  return new Validations(context).of(prepared, 0, false, undefined, time);
}
