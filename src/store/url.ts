/** What a `STORE_URL` names, and how it is shown to people. https://hl7.org/fhir/R4/http.html#general */

export type StoreKind = 'sqlite' | 'mongodb';

/** Which store a URL names: `sqlite:…`, or `mongodb://…` and `mongodb+srv://…`; undefined for any other. */
export function storeKind(url: string): StoreKind | undefined {
  if (url.startsWith('sqlite:')) return 'sqlite';
  return /^mongodb(\+srv)?:\/\//.test(url) ? 'mongodb' : undefined;
}

/** A URL without what may be secret: `mongodb://host:27017/osteon`, neither user and password nor options. */
export function shownUrl(url: string): string {
  if (storeKind(url) !== 'mongodb') return url;
  // All up to the last @ goes: a password that is not escaped as it should be may have one, or a slash.
  return url.replace(/^([^:]+:\/\/)(?:.*@)?([^?]*).*$/s, '$1$2');
}
