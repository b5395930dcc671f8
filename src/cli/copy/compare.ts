/** Compares a store with its copy, by counts and hashes. https://hl7.org/fhir/R4/http.html#history */
import { createHash } from 'node:crypto';
import type { ChangedVersion, CopySource } from '../../store/copy-source.ts';
import type { LoadedConcept, LoadedSystem, TerminologyStore } from '../../store/terminology.ts';

/** What a store has of a type, or of AuditEvents. */
export interface Sum {
  /** Logical ids, also of what is deleted. */
  readonly resources: number;
  readonly versions: number;
  /** The same for the same versions, in whatever order: hexadecimal. */
  readonly hash: string;
}

export interface Difference {
  /** A type; `AuditEvents of the server` for those. */
  readonly name: string;
  readonly source: Sum;
  readonly copy: Sum;
}

/** The name under which the server's own AuditEvents are summed. */
export const ownEvents = 'AuditEvents of the server';

/** The name under which a loaded code system is summed. */
export function systemName({ url, version }: Pick<LoadedSystem, 'url' | 'version'>): string {
  return version === '' ? url : `${url}|${version}`;
}

/** A sum that grows. */
class Summing {
  #resources = 0;
  #versions = 0;
  readonly #hash = Buffer.alloc(32);

  /** @param facts everything that must be the same; different for every version. */
  add(facts: readonly (string | number)[], body: Uint8Array | undefined, isFirst: boolean): void {
    const hash = createHash('sha256').update(JSON.stringify(facts));
    if (body !== undefined) hash.update(body);
    for (const [place, byte] of hash.digest().entries()) this.#hash[place] = (this.#hash[place] ?? 0) ^ byte;
    this.#versions += 1;
    if (isFirst) this.#resources += 1;
  }

  sum(): Sum {
    return { resources: this.#resources, versions: this.#versions, hash: this.#hash.toString('hex') };
  }
}

const none = new Summing().sum();

/** The sums of a store, by type: of all versions up to a change, of the AuditEvents up to a sequence, and of loaded code systems. */
export async function sumsOf(
  { versions, audit, terminology }: Pick<CopySource, 'versions' | 'audit' | 'terminology'>,
  upTo: number,
  lastEvent: number,
): Promise<ReadonlyMap<string, Sum>> {
  const sums = new Map<string, Summing>();
  const of = (name: string): Summing => {
    let found = sums.get(name);
    if (found === undefined) {
      found = new Summing();
      sums.set(name, found);
    }
    return found;
  };
  for await (const some of versions(0, upTo)) {
    for (const version of some) of(version.type).add(factsOf(version), version.body, version.versionId === 1);
  }
  if (lastEvent > 0) {
    for await (const some of audit.find({}, 'ascending', undefined, lastEvent)) {
      for (const { record } of some) of(ownEvents).add(Object.entries(record).sort().flat(), undefined, true);
    }
  }
  for (const system of await terminology.systems()) await sumSystem(of(systemName(system)), terminology, system);
  return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, summing]) => [name, summing.sum()]));
}

/** The sum of a loaded code system: all that it says of itself, and its concepts. */
export async function sumOfSystem(terminology: Pick<TerminologyStore, 'all'>, system: LoadedSystem): Promise<Sum> {
  const summing = new Summing();
  await sumSystem(summing, terminology, system);
  return summing.sum();
}

async function sumSystem(
  summing: Summing,
  terminology: Pick<TerminologyStore, 'all'>,
  system: LoadedSystem,
): Promise<void> {
  const { url, version, title, caseSensitive, properties } = system;
  summing.add([title, String(caseSensitive), JSON.stringify(properties)], undefined, false);
  for await (const some of terminology.all(system))
    for (const concept of some) summing.add([url, version, ...factsOfConcept(concept)], undefined, true);
}

function factsOf({ type, id, versionId, lastUpdated, method, body }: ChangedVersion): readonly (string | number)[] {
  return [type, id, versionId, lastUpdated, method, body?.byteLength ?? -1];
}

/** Members in one order, whichever a store gives them in. */
function factsOfConcept(concept: LoadedConcept): readonly string[] {
  return Object.entries(concept)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .sort();
}

/** Where the sums of a copy are others than those of its source. */
export function differences(source: ReadonlyMap<string, Sum>, copy: ReadonlyMap<string, Sum>): readonly Difference[] {
  return [...new Set([...source.keys(), ...copy.keys()])].flatMap((name) => {
    const [one, other] = [source.get(name) ?? none, copy.get(name) ?? none];
    return one.hash === other.hash && one.versions === other.versions ? [] : [{ name, source: one, copy: other }];
  });
}
