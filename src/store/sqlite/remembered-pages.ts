/**
 * First pages as they were read, for as long as what is known of their search holds: apps ask for the same chart and the
 * same worklist over and over. https://hl7.org/fhir/R4/http.html#paging
 */
import type { KnownSearch } from './known-search.ts';
import type { PageOfHits } from './page.ts';

/** Bytes that a page takes beside its bodies, about. */
const around = 1024;
/** Which part of the memory a page may take. */
const share = 1 / 64;

/** Weakly: what is known of a search is dropped when resources change, and takes much more memory than a page of a few of them. */
type PagesOf = WeakMap<KnownSearch, Map<string, PageOfHits>>;

/** Keeps between `limit` and twice as many bytes: two generations, the older one dropped when the younger is full. */
export class RememberedPages {
  readonly #limit: number;
  #young: PagesOf = new WeakMap();
  #old: PagesOf = new WeakMap();
  #size = 0;

  /** @param limit bytes; 0: nothing is remembered. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A page of a search, named by how much it shows and what stands around that; read where it isn't remembered. */
  get(known: KnownSearch, name: string, read: () => PageOfHits): PageOfHits {
    const young = this.#young.get(known)?.get(name);
    if (young !== undefined) return young;
    const page = this.#old.get(known)?.get(name) ?? read();
    this.#add(known, name, page);
    return page;
  }

  forget(): void {
    this.#young = new WeakMap();
    this.#old = new WeakMap();
    this.#size = 0;
  }

  #add(known: KnownSearch, name: string, page: PageOfHits): void {
    const size = sizeOf(page);
    if (size > this.#limit * share) return;
    if (this.#size + size > this.#limit) {
      this.#old = this.#young;
      this.#young = new WeakMap();
      this.#size = 0;
    }
    const pages = this.#young.get(known) ?? new Map<string, PageOfHits>();
    pages.set(name, page);
    this.#young.set(known, pages);
    this.#size += size;
  }
}

/** About how many bytes of memory a page takes. */
function sizeOf({ versions, spliced = [] }: PageOfHits): number {
  const bodies = versions.reduce((sum, { body }) => sum + around + (body?.length ?? 0), around);
  return spliced.reduce((sum, piece) => sum + piece.length, bodies);
}
