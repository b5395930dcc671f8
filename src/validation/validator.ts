/** Checks resources against R4's definitions and against profiles. https://hl7.org/fhir/R4/validation.html */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { OverBudget } from '../fhir/fhirpath/scope.ts';
import { type Issue, ruleDetails } from '../fhir/outcome.ts';
import type { JsonObject, Resource } from '../fhir/resource.ts';
import { inSteps } from '../fhir/steps.ts';
import { builtInCodeSet } from './base/code-sets.ts';
import { BaseTypes } from './base/types.ts';
import { ProfileChecks } from './profile/checks.ts';
import { CheckTime } from './time.ts';
import { Walk } from './walk.ts';

/** Whether something holds; undefined: it can't be said here, e.g. because a code system is lacking. */
export type Known = boolean | undefined;

/** The codes of a value set, for bindings. */
export interface CodeSet {
  /**
   * Whether a code is in the set. `system` undefined: the element is a code alone, which any of the set's systems may have. A promise
   * where the store has to be asked: then the answer is waited for after everything else was checked. `version`: the system's, where the
   * element says it.
   */
  readonly has: (system: string | undefined, code: string, version?: string) => Known | Promise<Known>;
}

/** Where validation finds what it needs; what was found is compiled once and kept until `Validator.renew`. */
export interface ValidationSource {
  /** By canonical: `url|version`, or `url` for the latest active one. undefined: there is none. */
  readonly structureDefinition: (canonical: string) => Promise<JsonObject | undefined>;
  /** undefined: there is none, or its codes can't be told. */
  readonly valueSet: (canonical: string) => Promise<CodeSet | undefined>;
}

export interface ValidationRequest {
  readonly resource: Resource;
  /** `base`: R4's own rules; `profiles`: those, and the profiles in `meta.profile` that are known. */
  readonly level: 'base' | 'profiles';
  /** Canonicals of profiles to check besides; an unknown one is an error. */
  readonly profiles?: readonly string[];
  /** What expressions begin with, e.g. `Bundle.entry[2].resource`; absent: the resource's type. */
  readonly path?: string;
  /** Milliseconds, or the time of which they are a part; what isn't checked by then is told by an issue `too-costly`. */
  readonly budget: number | CheckTime;
}

/** Compiles definitions to trees of functions when they are first needed, and keeps them. */
export class Validator {
  readonly #base: BaseTypes;
  readonly #profiles: ProfileChecks;

  constructor(definitions: Definitions, { structureDefinition, valueSet }: ValidationSource) {
    const codes = async (canonical: string) => (await builtInCodeSet(canonical)) ?? valueSet(canonical);
    this.#base = new BaseTypes(definitions, codes);
    this.#profiles = new ProfileChecks(definitions, { structureDefinition, valueSet: codes });
  }

  /**
   * The issues of a resource whose structure is sound (`structure.ts`): errors, warnings and information, each with the FHIRPath of its
   * element and the key of the rule.
   */
  async validate(request: ValidationRequest): Promise<readonly Issue[]> {
    const { budget } = request;
    const time = typeof budget === 'number' ? new CheckTime(budget) : budget;
    return time.during(() => this.#validate(request, time));
  }

  async #validate(request: ValidationRequest, time: CheckTime): Promise<readonly Issue[]> {
    const { resource, level, profiles = [], path = resource.resourceType } = request;
    const walk = new Walk(resource, path, time.deadline);
    try {
      const steps = walk.place.pieces.steps(() => this.#base.resource(walk));
      await inSteps(steps, () => {
        walk.budget.look();
        return time.pause();
      });
      const settled = walk.settled();
      if (settled !== undefined) await settled;
      const named = level === 'profiles';
      if (!named && profiles.length === 0) return issuesOf(walk);
      return [...issuesOf(walk), ...(await this.#profiles.check({ resource, path, profiles, named, time }))];
    } catch (error) {
      if (!(error instanceof OverBudget)) throw error;
      return [...walk.place.issues, tooCostly(path, time)];
    }
  }

  /** Forgets what was compiled of definitions that may have changed. */
  renew(): void {
    this.#base.renew();
    this.#profiles.renew();
  }
}

function issuesOf({ place: { issues, more } }: Walk): readonly Issue[] {
  return more ? [...issues, thereAreMore] : issues;
}

const thereAreMore: Issue = {
  severity: 'information',
  code: 'informational',
  diagnostics: 'There are more errors than are listed here: they show when these are gone.',
};

/** That a resource can't be checked in time. `path`: its FHIRPath in the request. */
export function tooCostly(path: string, time: CheckTime): Issue {
  const diagnostics = time.isUsedUpByOthers
    ? `${path} can't be checked: what came before it in the Bundle took all the time that there is for it. Send it in another request`
    : `${path} takes more than ${time.budget} ms to check: send it in parts, or simplify it`;
  return { severity: 'error', code: 'too-costly', diagnostics, expression: [path], details: ruleDetails('too-costly') };
}
