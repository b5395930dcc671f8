/** Checks resources against profiles. https://hl7.org/fhir/R4/profiling.html */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { Budget, OverBudget } from '../../fhir/fhirpath/scope.ts';
import type { Issue } from '../../fhir/outcome.ts';
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { inSteps, Pieces } from '../../fhir/steps.ts';
import type { CheckTime } from '../time.ts';
import type { ValidationSource } from '../validator.ts';
import { inTurn } from '../waiting.ts';
import { Profiles } from './profiles.ts';
import { type Answers, Run } from './run.ts';
import { NotFetched } from './structures.ts';
import { ProfileFault } from './tree.ts';
import { ResourceWalk } from './walk.ts';

export interface ProfileRequest {
  readonly resource: Resource;
  /** What expressions begin with. */
  readonly path: string;
  /** Canonicals of profiles besides those that the resource names; an unknown one is an error. */
  readonly profiles: readonly string[];
  /** Whether the profiles that resources name count, and the definitions of their extensions. */
  readonly named: boolean;
  readonly time: CheckTime;
}

/** Compiles profiles when they are first needed and keeps them until `renew`. */
export class ProfileChecks {
  readonly #definitions: Definitions;
  readonly #source: ValidationSource;
  #profiles: Profiles;

  constructor(definitions: Definitions, source: ValidationSource) {
    this.#definitions = definitions;
    this.#source = source;
    this.#profiles = new Profiles(definitions, source);
  }

  /** Forgets all that was found. */
  renew(): void {
    this.#profiles = new Profiles(this.#definitions, this.#source);
  }

  /**
   * What is wrong with a resource by the profiles that it and the request name, and by its extensions' definitions. Throws OverBudget past
   * the deadline.
   */
  async check(request: ProfileRequest): Promise<readonly Issue[]> {
    const profiles = this.#profiles;
    const answers: Answers = new Map();
    // Each round knows what the one before had to wait for.
    for (;;) {
      const run = await this.#run(request, profiles, answers);
      if (run.waits.length === 0) return run.issues;
      await inTurn(run.waits, run.budget);
    }
  }

  async #run(
    { resource, path, profiles: asked, named, time }: ProfileRequest,
    profiles: Profiles,
    answers: Answers,
  ): Promise<Run> {
    const pieces = new Pieces();
    const run = new Run({
      path,
      answers,
      budget: new Budget(time.deadline, undefined, () => pieces.fill()),
      pieces,
      codes: profiles.compiling.codes,
      check: (canonical, own) => profiles.check(canonical, own),
    });
    const walk = new ResourceWalk(profiles, this.#definitions, run, pieces);
    const check = (): void => {
      if (asked.length > 0)
        run.within(resource, () => {
          for (const canonical of asked) walk.named(canonical, resource);
        });
      if (named) walk.resource(resource);
    };
    await inSteps(pieces.steps(check), () => {
      run.budget.look();
      return time.pause();
    });
    return run;
  }
}

/**
 * Why a StructureDefinition can't be used as a profile, for people; undefined: it can. `budget`: milliseconds that finding out may take;
 * `whole`: those of which they are what is left.
 */
export async function definitionFault(
  definition: JsonObject,
  budget: number,
  definitions: Definitions,
  source: ValidationSource,
  whole: number = budget,
): Promise<string | undefined> {
  const profiles = new Profiles(definitions, source);
  const time = new Budget(performance.now() + budget);
  try {
    await compiled(definition, profiles, time);
    return undefined;
  } catch (error) {
    if (error instanceof ProfileFault) return error.message;
    if (error instanceof OverBudget)
      return `it takes more than ${whole} ms to read: it, or what it is made of, is too large`;
    throw error;
  }
}

/** Compiles a definition, and waits for what that lacks. Throws ProfileFault, OverBudget. */
async function compiled(definition: JsonObject, profiles: Profiles, budget: Budget): Promise<void> {
  const { structures } = profiles.compiling;
  for (;;) {
    budget.look();
    try {
      profiles.compiled(definition, () => structures.treeOf(definition), budget);
      return;
    } catch (error) {
      if (!(error instanceof NotFetched)) throw error;
      await error.fetch();
    }
  }
}
