/** Loads the synthetic clinic of `seeds/` into an empty store. https://hl7.org/fhir/R4/http.html#transaction */
import { readdir, readFile } from 'node:fs/promises';
import { packageFolder } from '../fhir/definitions/package-folder.ts';
import { outlineBundle } from '../fhir/json.ts';
import type { Call, Context } from '../interactions/context.ts';
import { perform } from '../interactions/perform.ts';

/** Under which the store keeps that seeds are being loaded, or are there. */
const mark = 'seeds';

/**
 * Posts each Bundle of each seed as a transaction. Gives the number of resources; 0 where the store has some already. What an
 * earlier start had begun to load is loaded whole: every resource is put under its own id.
 */
export async function loadSeeds(context: Context): Promise<number> {
  const { store } = context;
  const begun = (await store.kept(mark)) === 'loading';
  if (!begun && (await store.counts()).size > 0) return 0;
  await store.keep(mark, 'loading', Number.MAX_SAFE_INTEGER);
  const root = new URL('seeds/', packageFolder());
  let resources = 0;
  for (const folder of (await readdir(root, { withFileTypes: true })).filter((each) => each.isDirectory())) {
    const inside = new URL(`${folder.name}/`, root);
    const files = (await readdir(inside)).filter((name) => name.endsWith('.json')).sort();
    for (const file of files) {
      const bytes = await readFile(new URL(file, inside));
      await perform(context, transactionCall(bytes, file));
      resources += outlineBundle(bytes)?.entries.length ?? 0;
    }
  }
  await store.keep(mark, 'loaded', Number.MAX_SAFE_INTEGER);
  return resources;
}

function transactionCall(bytes: Uint8Array, file: string): Call {
  return {
    interaction: 'batch',
    method: 'POST',
    parameters: [],
    query: '',
    body: { bytes, contentType: 'application/fhir+json' },
    prefer: { return: 'minimal', handling: undefined },
    origin: { agent: 'seeds', address: '', requestId: `seed-${file}` },
  };
}
