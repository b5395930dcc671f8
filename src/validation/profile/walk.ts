/** The way through a whole resource: each resource's profiles, and each extension's definition. https://hl7.org/fhir/R4/extensibility.html */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { isArray, isObject, isResource, type JsonObject, type JsonValue, type Resource } from '../../fhir/resource.ts';
import type { Pieces } from '../../fhir/steps.ts';
import type { Known } from '../validator.ts';
import { isElement, valuesAlong } from './context-element.ts';
import { textOf, textsOf } from './element.ts';
import { contextText, fitsContext, holderAt, isModifier } from './extensions.ts';
import type { Item } from './items.ts';
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
  readonly #pieces: Pieces;
  /** The resource that the place is in, and the way from there: properties, and places in their lists. */
  #resource: Resource = { resourceType: 'Resource' };
  #properties: string[] = [];
  #indexes: number[] = [];
  /** Urls of the extensions on the way. */
  #extensions: string[] = [];

  constructor(profiles: Profiles, definitions: Definitions, run: Run, pieces: Pieces) {
    this.#profiles = profiles;
    this.#definitions = definitions;
    this.#run = run;
    this.#pieces = pieces;
  }

  /** Checks a resource at the run's place against the profiles that it names itself, and all within it. */
  resource(resource: Resource): void {
    const [outer, properties, indexes, extensions] = [
      this.#resource,
      this.#properties,
      this.#indexes,
      this.#extensions,
    ];
    this.#resource = resource;
    this.#properties = [];
    this.#indexes = [];
    this.#extensions = [];
    this.#run.within(resource, () => {
      const { meta } = resource;
      if (isObject(meta) && isArray(meta.profile))
        for (const [index, profile] of meta.profile.entries())
          if (typeof profile === 'string') this.named(profile, resource, `meta.profile[${index}]`);
      this.#object(resource);
    });
    [this.#resource, this.#properties, this.#indexes, this.#extensions] = [outer, properties, indexes, extensions];
  }

  /** Checks against one profile. `member`: the element that names it; absent: the request, which has to name one that is here. */
  named(canonical: string, resource: Resource, member?: string): void {
    const run = this.#run;
    run.spend(10);
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
    this.#items(name, value, 0, extension ? within : undefined);
    run.spend(value.length);
  }

  /** As many as the piece has room for, and the others later. */
  #items(name: string, items: readonly JsonValue[], from: number, holder: JsonObject | undefined): void {
    for (let index = from; index < items.length; index += 1) {
      if (this.#pieces.isFull()) {
        this.#putOff(() => this.#items(name, items, index, holder));
        return;
      }
      const item = items[index];
      if (isObject(item)) this.#value(name, index, item, holder);
    }
  }

  #putOff(rest: () => void): void {
    const [resource, properties, indexes] = [this.#resource, [...this.#properties], [...this.#indexes]];
    const extensions = [...this.#extensions];
    const inPlace = this.#run.atPlace(rest);
    this.#pieces.putOff(() => {
      this.#resource = resource;
      [this.#properties, this.#indexes, this.#extensions] = [properties, indexes, extensions];
      inPlace();
    });
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
      this.#indexes.push(index);
      if (url !== undefined) this.#extensions.push(url);
      this.#object(value);
      if (url !== undefined) this.#extensions.pop();
      this.#indexes.pop();
      this.#properties.pop();
    }
    this.#run.leave();
  }

  #extension(url: string, modifier: boolean, value: JsonObject, within: JsonObject): void {
    const run = this.#run;
    run.spend(10);
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
    const { tree, type } = found.profile;
    if (type !== 'Extension') {
      run.fault('extension', 'extension', `must not have the url of a profile of ${type}`);
      return;
    }
    if (isModifier(tree) !== modifier) {
      const right = modifier ? 'an extension, not a modifierExtension' : 'a modifierExtension';
      run.fault('extension', 'extension', `must be ${right} by its definition`);
    }
    this.#context(url, found.profile, within);
    run.profile(url, value);
  }

  /** Checks that an extension may stand in an element. */
  #context(url: string, { definition, expressions }: Profile, element: JsonObject): void {
    const run = this.#run;
    const { resourceType } = this.#resource;
    const holder = holderAt(resourceType, this.#properties, this.#definitions);
    const questions = {
      isAmong: (expression: string) => expressions.isAmong(expression, element, resourceType, run.scope) !== false,
      isElement: (profile: string | undefined, id: string) => this.#isElement(profile, id),
    };
    if (!fitsContext(definition, { ...holder, extensions: this.#extensions }, questions))
      run.fault(
        'extension',
        'extension-context',
        `(${url}) must not stand here; its definition allows it in ${contextText(definition)}`,
      );
    const { broken, unsaid } = expressions.brokenRules(definition, element, holder.type, run.scope);
    for (const rule of broken)
      run.fault('extension', 'extension-context', `(${url}) must not stand here: ${shortened(rule)} doesn't hold`);
    for (const rule of unsaid)
      run.tell('information', 'not-supported', 'extension-context', `couldn't be checked for ${shortened(rule)}`);
  }

  /** Whether the way leads to a profile's element of that id, or that can't be said; `url` undefined: one of those that the resource names. */
  #isElement(url: string | undefined, id: string): boolean {
    const values = valuesAlong(this.#resource, this.#properties, this.#indexes, this.#definitions, this.#run);
    if (url !== undefined) {
      const answer = this.#isOf(url, id, values, (value) => this.#run.conforms(url, value));
      return answer === undefined || answer === true;
    }
    const { meta } = this.#resource;
    const named = textsOf(isObject(meta) ? meta.profile : undefined);
    const answers = named.map((each) => this.#isOf(each, id, values, () => true));
    return answers.includes(true) || answers.includes(undefined) || !answers.includes(false);
  }

  /** Whether values lead to a profile's element of that id; `none`: it has none such. */
  #isOf(
    canonical: string,
    id: string,
    values: readonly Item[],
    conforms: (value: JsonObject) => boolean,
  ): Known | 'none' {
    const run = this.#run;
    run.spend(10);
    const found = this.#find(canonical);
    if (found === undefined || 'fault' in found) return undefined;
    try {
      const element = this.#profiles.element(found.profile, id, run.budget);
      return element === undefined ? 'none' : isElement(element, found.profile.type, values, conforms, run);
    } catch (error) {
      if (error instanceof NotFetched) run.waits.push(error.fetch);
      else if (!(error instanceof ProfileFault)) throw error;
      return undefined;
    }
  }
}
