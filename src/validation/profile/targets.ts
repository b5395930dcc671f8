/** What the references of a resource lead to without asking the store: contained resources, and others in its Bundle. https://hl7.org/fhir/R4/bundle.html#references */
import { isArray, isObject, isResource, type JsonObject, type JsonValue, type Resource } from '../../fhir/resource.ts';

/** What a reference leads to. */
export interface Target {
  readonly resource: Resource;
  readonly targets: Targets;
  readonly kind: 'contained' | 'bundled';
}

const restful = /^(https?:\/\/.*\/)([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})$/;
const relative = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;

/** The resources of a Bundle, by full URL and by `Type/id`. */
class Entries {
  readonly #byUrl = new Map<string, Resource>();
  readonly #byId = new Map<string, Resource>();
  /** By `Type/id`, those whose full URLs begin alike; for each the others, which its relative references mean. */
  readonly #beside = new Map<JsonObject, ReadonlyMap<string, Resource>>();

  constructor(bundle: JsonObject) {
    const byBase = new Map<string, Map<string, Resource>>();
    for (const entry of isArray(bundle.entry) ? bundle.entry : []) {
      if (!isObject(entry) || !isResource(entry.resource)) continue;
      const { fullUrl, resource } = entry;
      if (typeof resource.id === 'string') this.#byId.set(`${resource.resourceType}/${resource.id}`, resource);
      if (typeof fullUrl !== 'string') continue;
      this.#byUrl.set(fullUrl, resource);
      const [, base, own] = restful.exec(fullUrl) ?? [];
      if (base === undefined || own === undefined) continue;
      const all = byBase.get(base) ?? new Map<string, Resource>();
      byBase.set(base, all.set(own, resource));
      this.#beside.set(resource, all);
    }
  }

  find(reference: string, from: JsonObject): Resource | undefined {
    const [text = ''] = reference.split('/_history/');
    if (!relative.test(text)) return this.#byUrl.get(text);
    return this.#beside.get(from)?.get(text) ?? this.#byId.get(text);
  }
}

/** Those of one resource. */
export class Targets {
  /** The resource itself, or the one that contains it. */
  readonly container: JsonObject;
  readonly #entries: Entries | undefined;
  #own: Entries | undefined;
  #within: ReadonlySet<JsonValue> | undefined;
  #byId: ReadonlyMap<string, Resource> | undefined;

  constructor(container: JsonObject, entries?: Entries) {
    this.container = container;
    this.#entries = entries;
  }

  /** Those of a resource within this one: contained ones share their container's, those of a Bundle are each their own. */
  of(resource: JsonObject): Targets {
    const { contained } = this.container;
    if (isArray(contained)) {
      this.#within ??= new Set(contained);
      if (this.#within.has(resource)) return this;
    }
    if (this.container.resourceType !== 'Bundle') return new Targets(resource, this.#entries);
    this.#own ??= new Entries(this.container);
    return new Targets(resource, this.#own);
  }

  find(reference: string): Target | undefined {
    if (reference.startsWith('#')) {
      const resource = this.#contained(reference.slice(1));
      return resource === undefined ? undefined : { resource, targets: this, kind: 'contained' };
    }
    const resource = this.#entries?.find(reference, this.container);
    return resource === undefined
      ? undefined
      : { resource, targets: new Targets(resource, this.#entries), kind: 'bundled' };
  }

  #contained(id: string): Resource | undefined {
    if (id === '') return isResource(this.container) ? this.container : undefined;
    const { contained } = this.container;
    // Of several with an id the first counts.
    this.#byId ??= new Map(
      (isArray(contained) ? contained.filter(isResource) : [])
        .flatMap((each): [string, Resource][] => (typeof each.id === 'string' ? [[each.id, each]] : []))
        .reverse(),
    );
    return this.#byId.get(id);
  }
}

/** The resource type that a reference's text or `type` names. */
export function typeNamed({ reference, type }: JsonObject): string | undefined {
  if (typeof reference === 'string') {
    const [, name] =
      /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(reference) ?? [];
    if (name !== undefined) return name;
  }
  return typeof type === 'string' ? type.slice(type.lastIndexOf('/') + 1) : undefined;
}
