/** The way through a whole resource: each resource's profiles, and each extension's definition. https://hl7.org/fhir/R4/extensibility.html */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { isArray, isObject, isResource, type JsonObject, type JsonValue, type Resource } from '../../fhir/resource.ts';
import { textOf } from './element.ts';
import { brokenRules, contextText, fitsContext, holderAt, isAmong, isModifier } from './extensions.ts';
import type { Profile, Profiles } from './profiles.ts';
import type { Run } from './run.ts';
import { NotFetched } from './structures.ts';
import { ProfileFault } from './tree.ts';

/** Looks up a profile; undefined: it has to be waited for. */
type Found = { readonly profile: Profile } | { readonly fault: string; readonly known: boolean } | undefined;

const mostShown = 200;

/** A canonical as messages have it: a client may send a long one. */
function shortened(canonical: string): string {
  return canonical.length > mostShown ? `${canonical.slice(0, mostShown)}…` : canonical;
}

/** Walks through one resource and those within it. */
export class ResourceWalk {
  readonly #profiles: Profiles;
  readonly #definitions: Definitions;
  readonly #run: Run;
  /** From the resource to the place. */
  #resourceType = 'Resource';
  #properties: string[] = [];
  #extensions: string[] = [];

  constructor(profiles: Profiles, definitions: Definitions, run: Run) {
    this.#profiles = profiles;
    this.#definitions = definitions;
    this.#run = run;
  }

  /** Checks a resource at the run's place against the profiles that it names itself, and all within it. */
  resource(resource: Resource): void {
    const [type, properties, extensions] = [this.#resourceType, this.#properties, this.#extensions];
    this.#resourceType = resource.resourceType;
    this.#properties = [];
    this.#extensions = [];
    this.#run.within(resource, () => {
      const { meta } = resource;
      if (isObject(meta) && isArray(meta.profile))
        for (const [index, profile] of meta.profile.entries())
          if (typeof profile === 'string') this.named(profile, resource, `meta.profile[${index}]`);
      this.#object(resource);
    });
    [this.#resourceType, this.#properties, this.#extensions] = [type, properties, extensions];
  }

  /** Checks against one profile. `member`: the element that names it; absent: the request, which has to name one that is here. */
  named(canonical: string, resource: Resource, member?: string): void {
    const run = this.#run;
    const found = this.#find(canonical);
    if (found === undefined) return;
    const severity = member === undefined ? 'error' : 'warning';
    if ('fault' in found) {
      const code = found.known ? 'processing' : 'not-found';
      run.tell(severity, code, 'profile', `can't be checked against ${shortened(canonical)}: ${found.fault}`, member);
      return;
    }
    const { type } = found.profile;
    if (!this.#profiles.compiling.members.is(resource.resourceType, type))
      run.fault(
        'structure',
        'profile',
        `is ${canonical}, a profile of ${type}, not of ${resource.resourceType}`,
        member,
      );
    else run.profile(canonical, resource);
  }

  #find(canonical: string): Found {
    try {
      const profile = this.#profiles.find(canonical, this.#run.budget);
      return profile === undefined ? { fault: "it isn't here", known: false } : { profile };
    } catch (error) {
      if (error instanceof ProfileFault) return { fault: error.message, known: true };
      if (!(error instanceof NotFetched)) throw error;
      this.#run.waits.push(error.fetch);
      return undefined;
    }
  }

  #object(object: JsonObject): void {
    this.#run.spend(1);
    for (const name in object) {
      const value = object[name];
      if (typeof value !== 'object' || value === null) continue;
      this.#member(name, value, object);
    }
  }

  #member(property: string, value: JsonValue, within: JsonObject): void {
    const run = this.#run;
    const name = property.startsWith('_') ? property.slice(1) : property;
    const extension = name === 'extension' || name === 'modifierExtension';
    if (!isArray(value)) {
      if (isObject(value)) this.#value(name, -1, value, extension ? within : undefined);
      return;
    }
    for (let index = 0; index < value.length; index += 1) {
      const item = value[index];
      if (isObject(item)) this.#value(name, index, item, extension ? within : undefined);
    }
    run.spend(value.length);
  }

  /** `holder`: what an extension stands in; undefined: the value is none. */
  #value(name: string, index: number, value: JsonObject, holder: JsonObject | undefined): void {
    this.#run.enter(name, index);
    if (isResource(value)) this.resource(value);
    else {
      const url = holder === undefined ? undefined : textOf(value.url);
      if (holder !== undefined && url?.includes(':') === true)
        this.#extension(url, name === 'modifierExtension', value, holder);
      this.#properties.push(name);
      if (url !== undefined) this.#extensions.push(url);
      this.#object(value);
      if (url !== undefined) this.#extensions.pop();
      this.#properties.pop();
    }
    this.#run.leave();
  }

  #extension(url: string, modifier: boolean, value: JsonObject, within: JsonObject): void {
    const run = this.#run;
    const found = this.#find(url);
    if (found === undefined) return;
    if ('fault' in found) {
      if (found.known) run.tell('warning', 'processing', 'extension', `couldn't be checked: ${found.fault}`);
      else if (modifier)
        run.tell(
          'warning',
          'extension',
          'extension',
          `may change the meaning of its element, and its definition isn't here`,
        );
      return;
    }
    const { definition, tree, type } = found.profile;
    if (type !== 'Extension') {
      run.fault('extension', 'extension', `must not have the url of a profile of ${type}`);
      return;
    }
    if (isModifier(tree) !== modifier) {
      const right = modifier ? 'an extension, not a modifierExtension' : 'a modifierExtension';
      run.fault('extension', 'extension', `must be ${right} by its definition`);
    }
    this.#context(url, definition, within);
    run.profile(url, value);
  }

  /** Checks that an extension may stand in an element. */
  #context(url: string, definition: JsonObject, element: JsonObject): void {
    const run = this.#run;
    const holder = holderAt(this.#resourceType, this.#properties, this.#definitions);
    const isHolder = (expression: string): boolean =>
      isAmong(expression, element, this.#resourceType, this.#definitions, run.scope) !== false;
    if (!fitsContext(definition, { ...holder, extensions: this.#extensions }, isHolder))
      run.fault(
        'extension',
        'extension-context',
        `(${url}) must not stand here; its definition allows it in ${contextText(definition)}`,
      );
    const { broken, unsaid } = brokenRules(definition, element, holder.type, this.#definitions, run.scope);
    for (const rule of broken)
      run.fault('extension', 'extension-context', `(${url}) must not stand here: ${shortened(rule)} doesn't hold`);
    for (const rule of unsaid)
      run.tell('information', 'not-supported', 'extension-context', `couldn't be checked for ${shortened(rule)}`);
  }
}
