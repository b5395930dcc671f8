/** Counts of current resources. https://hl7.org/fhir/R4/http.html#summary */
import type { Connection } from './open.ts';
import type { Types } from './types.ts';

/** Current resources by type, without deleted ones. Types without any are left out. */
export async function countResources({ db, sharded }: Connection, types: Types): Promise<ReadonlyMap<string, number>> {
  const counts = await Promise.all(
    (await types.known()).map(async (type) => {
      const collection = db.collection(type);
      // What the server keeps count of; shards also count what is on its way between them.
      const all = sharded ? await collection.countDocuments({}) : await collection.estimatedDocumentCount();
      const deleted = await collection.countDocuments({ deleted: true });
      return [type, all - deleted] as const;
    }),
  );
  return new Map(counts.filter(([, count]) => count > 0));
}
