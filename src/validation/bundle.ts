/** What R4 says of Bundles in words: full URLs, and the references of documents. https://hl7.org/fhir/R4/bundle.html */
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Walk } from './walk.ts';

const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const restful = /^(https?:\/\/.+)\/([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/;

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return isArray(value) ? value.filter(isObject) : [];
}

/** Checks a Bundle beyond its invariants. */
export function checkBundle(value: JsonValue, walk: Walk): void {
  if (!isObject(value)) return;
  const entries = isArray(value.entry) ? value.entry : [];
  walk.place.enter('entry');
  walk.each(entries, (entry) => {
    if (!isObject(entry)) return;
    checkFullUrl(entry, walk);
    if (identified.has(value.type)) checkHasUrl(entry, walk);
    if (value.type === 'searchset') checkFound(entry, walk);
  });
  walk.place.leave();
  if (value.type === 'document') new Document(entries).check(walk);
}

/** R4: "the URL shall be version-independent URL consistent with the Resource.id", where it isn't a URN. */
function checkFullUrl({ fullUrl, resource }: JsonObject, walk: Walk): void {
  if (typeof fullUrl !== 'string') return;
  if (!absolute.test(fullUrl)) {
    walk.error('value', 'bundle-full-url', 'must be an absolute URL', walk.place.path('fullUrl'));
    return;
  }
  const [, , type, id] = restful.exec(fullUrl) ?? [];
  if (!isObject(resource) || type === undefined || resource.id === undefined) return;
  if (resource.id === id && resource.resourceType === type) return;
  // Another form of URL may end with what looks like a type.
  if (resource.id === id && !/^[A-Z]/.test(type)) return;
  walk.error('value', 'bundle-full-url', "must agree with the resource's type and id", walk.place.path('fullUrl'));
}

/** Bundles whose entries are no results of operations, and not to be created. */
const identified: ReadonlySet<JsonValue | undefined> = new Set(['document', 'message', 'history']);

/** R4: "The fullUrl element SHALL have a value except that", and none of the exceptions. */
function checkHasUrl({ fullUrl, _fullUrl, resource }: JsonObject, walk: Walk): void {
  if (resource === undefined || fullUrl !== undefined || _fullUrl !== undefined) return;
  walk.error('required', 'bundle-full-url', 'must be there', walk.place.path('fullUrl'));
}

/** R4: a resource has no id only "when it is being submitted to the server using a create operation"; outcomes are none of those. */
function checkFound({ resource, search }: JsonObject, walk: Walk): void {
  if (!isObject(resource)) return;
  const outcome = isObject(search) && search.mode === 'outcome';
  if (outcome && resource.resourceType !== 'OperationOutcome')
    walk.error(
      'value',
      'bundle-search',
      'must be an OperationOutcome, as search.mode says',
      walk.place.path('resource'),
    );
  if (!outcome && resource.id === undefined && resource.resourceType !== 'OperationOutcome')
    walk.error('required', 'bundle-search', 'must be there in what a search found', walk.place.path('resource.id'));
}

/** Elements of a Composition that refer to what its document has. */
const referring = ['subject', 'encounter', 'author', 'custodian'];

/**
 * R4: the Composition is the first entry, "and any other resources referenced from Composition must be included as subsequent entries in
 * the Bundle". https://hl7.org/fhir/R4/composition.html
 */
class Document {
  readonly #composition: JsonObject | undefined;
  readonly #base: string | undefined;
  /** The versions that there are of a resource, by the URLs that lead to it. */
  readonly #entries = new Map<string, (string | undefined)[]>();

  constructor(entries: readonly JsonValue[]) {
    const [first] = entries;
    const { resource, fullUrl } = isObject(first) ? first : {};
    this.#composition = isObject(resource) && resource.resourceType === 'Composition' ? resource : undefined;
    this.#base = typeof fullUrl === 'string' ? restful.exec(fullUrl)?.[1] : undefined;
    for (const entry of objects(entries)) this.#add(entry);
  }

  #add({ fullUrl, resource }: JsonObject): void {
    if (!isObject(resource)) return;
    const { resourceType, id, meta } = resource;
    const version = isObject(meta) && typeof meta.versionId === 'string' ? meta.versionId : undefined;
    const urls = new Set(typeof fullUrl === 'string' ? [fullUrl] : []);
    // R4 lets a relative reference be resolved by its entry's base alone; where that has none, type and id tell enough.
    if (this.#base === undefined && typeof resourceType === 'string' && typeof id === 'string')
      urls.add(`${resourceType}/${id}`);
    for (const url of urls) {
      const versions = this.#entries.get(url) ?? [];
      versions.push(version);
      this.#entries.set(url, versions);
    }
  }

  check(walk: Walk): void {
    if (this.#composition === undefined) return;
    const { attester, event, section } = this.#composition;
    walk.place.enter('entry');
    walk.place.item(0);
    walk.place.enter('resource');
    for (const name of referring) this.#reference(this.#composition, name, walk);
    this.#each('attester', attester, walk, (each) => this.#reference(each, 'party', walk));
    this.#each('event', event, walk, (each) => this.#reference(each, 'detail', walk));
    this.#sections(section, walk);
    walk.place.leave();
    walk.place.leave();
  }

  #sections(sections: JsonValue | undefined, walk: Walk): void {
    this.#each('section', sections, walk, (section) => {
      for (const name of ['author', 'focus', 'entry']) this.#reference(section, name, walk);
      this.#sections(section.section, walk);
    });
  }

  #each(name: string, value: JsonValue | undefined, walk: Walk, check: (value: JsonObject) => void): void {
    walk.place.enter(name);
    for (const [index, each] of (isArray(value) ? value : []).entries()) {
      walk.place.item(index);
      if (isObject(each)) check(each);
    }
    walk.place.leave();
  }

  #reference(of: JsonObject, name: string, walk: Walk): void {
    const value = of[name];
    if (isArray(value)) this.#each(name, value, walk, (each) => this.#resolve(each, walk));
    else if (isObject(value)) {
      walk.place.enter(name);
      this.#resolve(value, walk);
      walk.place.leave();
    }
  }

  #resolve({ reference }: JsonObject, walk: Walk): void {
    if (typeof reference !== 'string' || reference.startsWith('#')) return;
    const [url = '', version] = reference.split('/_history/');
    const full = absolute.test(url) || this.#base === undefined ? url : `${this.#base}/${url}`;
    const versions = this.#entries.get(full) ?? [];
    walk.budget.spend(versions.length + 1);
    const found = versions.filter((each) => version === undefined || each === version);
    if (found.length === 1) return;
    const problem = found.length === 0 ? 'an entry of the document' : 'one entry of the document: name its version';
    walk.error('not-found', 'document-reference', `must lead to ${problem}`, walk.place.path('reference'));
  }
}
