/** The data that is loaded: transaction Bundles, one a line. https://hl7.org/fhir/R4/http.html#transaction */
import { closeSync, createReadStream, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { generateClinic } from '../seeds/generate.ts';

export interface BenchData {
  readonly file: string;
  /** For people. */
  readonly name: string;
  readonly bundles: number;
  readonly resources: number;
  /** A transaction of 25,000 entries (fewer where the data has fewer). */
  readonly large: { readonly file: string; readonly entries: number; readonly bytes: number };
}

const largeEntries = 25_000;
const largeBytes = 60_000_000;

/** The lines of an NDJSON file, unpacked. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const unpacked = file.endsWith('.gz') ? source.pipe(createGunzip()) : source;
  for await (const line of createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line !== '') yield line;
}

/**
 * Finds the data (or makes some), counts it, and writes what the workloads need into the folder.
 * @param wholeLarge whether the large transaction is made of all of the file, whatever is loaded of it.
 */
export async function prepareData(
  path: string,
  limit: number | undefined,
  folder: string,
  wholeLarge = false,
): Promise<BenchData> {
  const present = existsSync(path);
  const source = present ? path : writeGenerated(folder, limit ?? 5800);
  const cut = present && limit !== undefined ? join(folder, 'bundles.ndjson') : undefined;
  const output = cut === undefined ? undefined : openSync(cut, 'w');
  const lines: Line[] = [];
  let resources = 0;
  let loaded = 0;
  let number = 0;
  for await (const line of linesOf(source)) {
    const isLoaded = !present || limit === undefined || number < limit;
    if (!isLoaded && !wholeLarge) break;
    const bundle: Bundle = JSON.parse(line);
    if (isLoaded) {
      loaded += 1;
      resources += bundle.entry?.length ?? 0;
      if (output !== undefined) writeSync(output, `${line}\n`);
    }
    // Only Bundles that create what they hold can be sent again as part of the large one.
    if (bundle.entry?.every(({ request }) => request?.method === 'POST'))
      lines.push({ number, urls: bundle.entry.map(({ fullUrl }) => fullUrl ?? ''), size: line.length });
    number += 1;
  }
  if (output !== undefined) closeSync(output);
  const file = cut ?? source;
  const name = present
    ? `${limit === undefined ? '' : `the first ${loaded} of `}${path.slice(path.lastIndexOf('/') + 1)}`
    : 'generated orthopaedic clinic (the Synthea file is absent)';
  return { file, name, bundles: loaded, resources, large: await writeLarge(source, lines, folder) };
}

/** A Bundle of the data: its place, the fullUrls of its entries, its characters. */
interface Line {
  readonly number: number;
  readonly urls: readonly string[];
  readonly size: number;
}

/** Merges the Bundles with the largest resources into one transaction. What several hold (clinics, staff) comes once. */
async function writeLarge(file: string, lines: readonly Line[], folder: string): Promise<BenchData['large']> {
  const chosen = new Set<number>();
  const known = new Set<string>();
  for (const { number, urls } of [...lines].sort((a, b) => b.size / b.urls.length - a.size / a.urls.length)) {
    const added = urls.filter((url) => !known.has(url));
    if (known.size + added.length > largeEntries) continue;
    chosen.add(number);
    for (const url of added) known.add(url);
  }
  const parsed: BundleEntry[] = [];
  let number = 0;
  for await (const line of linesOf(file)) {
    const bundle: Bundle | undefined = chosen.has(number) ? JSON.parse(line) : undefined;
    for (const entry of bundle?.entry ?? []) if (known.delete(entry.fullUrl ?? '')) parsed.push(entry);
    number += 1;
  }
  // Entries are indented, as clients often send them, until the rest without white space comes to 60 MB.
  const compact = parsed.map((entry) => JSON.stringify(entry));
  let bytes = compact.reduce((sum, text) => sum + text.length + 2, 60);
  for (let index = 0; index < compact.length && bytes < largeBytes; index += 1) {
    const indented = JSON.stringify(parsed[index], null, 1);
    bytes += indented.length - (compact[index]?.length ?? 0);
    compact[index] = indented;
  }
  const path = join(folder, 'large-transaction.json');
  const text = `{"resourceType":"Bundle","type":"transaction","entry":[\n${compact.join(',\n')}\n]}\n`;
  writeFileSync(path, text);
  return { file: path, entries: compact.length, bytes: Buffer.byteLength(text) };
}

/** Writes generated patients as transactions that create them, after one that puts the clinic. */
function writeGenerated(folder: string, patients: number): string {
  const path = join(folder, 'generated.ndjson');
  const output = openSync(path, 'w');
  let number = 0;
  for (const { bundle } of generateClinic({ seed: 1, patients })) {
    writeSync(output, `${JSON.stringify(number === 0 ? bundle : creating(bundle, number))}\n`);
    number += 1;
  }
  closeSync(output);
  return path;
}

/** The same Bundle with POST and `urn:uuid` links instead of PUT and ids. */
function creating(bundle: Bundle, number: number): Bundle {
  const entries = bundle.entry ?? [];
  const urns = new Map<string, string>();
  for (const [index, { request }] of entries.entries()) {
    const digits = `${number.toString(16).padStart(8, '0')}${index.toString(16).padStart(4, '0')}`;
    urns.set(request?.url ?? '', `urn:uuid:${digits.slice(0, 8)}-${digits.slice(8)}-4000-8000-000000000000`);
  }
  const text = JSON.stringify(entries).replaceAll(/"reference":"([^"]+)"/g, (whole, target: string) =>
    urns.has(target) ? `"reference":"${urns.get(target)}"` : whole,
  );
  const linked: readonly BundleEntry[] = JSON.parse(text);
  return {
    ...bundle,
    entry: linked.map((entry, index): BundleEntry => {
      const fullUrl = urns.get(entries[index]?.request?.url ?? '');
      const url = entry.resource?.resourceType ?? '';
      return { ...(fullUrl === undefined ? {} : { fullUrl }), ...entry, request: { method: 'POST', url } };
    }),
  };
}
