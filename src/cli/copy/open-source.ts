/** Opens a store to read all of it. https://hl7.org/fhir/R4/http.html#history */
import type { CopySource } from '../../store/copy-source.ts';
import { storeKind } from '../../store/url.ts';

/** Opens the store of a `STORE_URL`. Throws StoreUnavailable where there is none. */
export async function openSource(url: string): Promise<CopySource> {
  if (storeKind(url) === 'mongodb') {
    const { openMongoSource } = await import('../../store/mongo/copy-source.ts');
    return openMongoSource(url);
  }
  const { openSqliteSource } = await import('../../store/sqlite/copy-source.ts');
  return openSqliteSource(url);
}
