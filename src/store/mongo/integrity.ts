/** What `REFERENTIAL_INTEGRITY` asks of a commit. https://hl7.org/fhir/R4/http.html#delete */
import type { ClientSession, Db } from 'mongodb';
import { IntegrityViolation } from '../errors.ts';
import type { ResourceKey } from '../write.ts';
import { byType } from './by-type.ts';
import type { CurrentDocument } from './document.ts';
import type { Types } from './types.ts';
import { referenceKey } from './values.ts';

/** How many referrers an error names. */
const referrersNamed = 10;
const live = { deleted: { $exists: false } } as const;

export class Integrity {
  readonly #db: Db;
  readonly #types: Types;

  constructor(db: Db, types: Types) {
    this.#db = db;
    this.#types = types;
  }

  /** Throws IntegrityViolation unless all of these exist and aren't deleted, as the transaction sees it. */
  async mustExist(keys: readonly ResourceKey[], session: ClientSession | undefined): Promise<void> {
    const groups = byType(keys, ({ type }) => type);
    for (const [type, of] of groups) {
      const ids = of.map(({ id }) => id);
      const found = await this.#db
        .collection<CurrentDocument>(type)
        .find({ _id: { $in: ids }, ...live }, { projection: { _id: 1 }, ...inSession(session) })
        .toArray();
      const present = new Set(found.map(({ _id }) => _id));
      const missing = of.find(({ id }) => !present.has(id));
      if (missing !== undefined) throw new IntegrityViolation('missing', missing, []);
    }
  }

  /** Throws IntegrityViolation, naming up to ten, when a live resource refers to one of these through a search parameter; `gone` doesn't count. */
  async mustBeUnreferenced(
    keys: readonly ResourceKey[],
    session: ClientSession | undefined,
    gone?: ResourceKey,
  ): Promise<void> {
    if (keys.length === 0) return;
    const types = await this.#types.known();
    for (const key of keys) {
      const referrers: ResourceKey[] = [];
      for (const type of types) {
        const found = await this.#db
          .collection<CurrentDocument>(type)
          .find({ refs: referenceKey(key.type, key.id), ...live }, { projection: { _id: 1 }, ...inSession(session) })
          .limit(referrersNamed + 1 - referrers.length)
          .toArray();
        const others = found.filter(({ _id }) => !(type === gone?.type && _id === gone.id));
        referrers.push(...others.slice(0, referrersNamed - referrers.length).map(({ _id }) => ({ type, id: _id })));
        if (referrers.length >= referrersNamed) break;
      }
      if (referrers.length > 0) throw new IntegrityViolation('referenced', key, referrers);
    }
  }
}

function inSession(session: ClientSession | undefined): { readonly session?: ClientSession } {
  return session === undefined ? {} : { session };
}
