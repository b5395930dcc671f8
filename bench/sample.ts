/** Resources of random patients of a server, from which searches with values that exist are made. https://hl7.org/fhir/R4/search.html */
import { once } from './server.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Coded {
  readonly system: string;
  readonly code: string;
}

export interface Measured {
  readonly value: number;
  readonly code: string;
}

/** Values that exist, in a random order. */
export interface Sample {
  /** Ids of up to 1,000 patients. */
  readonly everybody: readonly string[];
  /** Ids of those whose resources were read. */
  readonly ids: readonly string[];
  readonly encounters: readonly string[];
  /** Codes of Observations, and of these and Conditions. */
  readonly observed: readonly Coded[];
  readonly codes: readonly Coded[];
  /** Days of Observations. */
  readonly days: readonly string[];
  readonly families: readonly string[];
  readonly cities: readonly string[];
  readonly births: readonly string[];
  readonly quantities: readonly Measured[];
  /** Words of narratives of CarePlans. */
  readonly words: readonly string[];
}

/** Patients whose resources are read. */
const sampled = 60;

/** Reads what random patients have. Throws Error where the server refuses to be read. */
export async function sampleOf(port: number): Promise<Sample> {
  const find = async (query: string): Promise<readonly Json[]> => {
    const reply = await once(port, `/fhir/${query}`);
    if (reply.status !== 200) throw new Error(`${query}: ${reply.status}`);
    const bundle: { readonly entry?: readonly { readonly resource: Json }[] } = JSON.parse(
      reply.body?.toString() ?? '{}',
    );
    return (bundle.entry ?? []).map(({ resource }) => resource);
  };
  const all = shuffled(await find('Patient?_count=1000'));
  const patients = all.slice(0, sampled);
  const observations: Json[] = [];
  const conditions: Json[] = [];
  const encounters: Json[] = [];
  const plans: Json[] = [];
  for (const { id } of patients) {
    observations.push(...(await find(`Observation?subject=Patient/${id}&_count=100`)));
    conditions.push(...(await find(`Condition?subject=Patient/${id}&_count=50`)));
    encounters.push(...(await find(`Encounter?subject=Patient/${id}&_count=50`)));
    plans.push(...(await find(`CarePlan?subject=Patient/${id}&_count=10`)));
  }
  return {
    everybody: all.map(({ id }) => String(id)),
    ids: patients.map(({ id }) => String(id)),
    encounters: shuffled(encounters.map(({ id }) => String(id))),
    observed: distinct(observations.flatMap(codingsOf)),
    codes: distinct([...observations, ...conditions].flatMap(codingsOf)),
    days: different(observations.flatMap(({ effectiveDateTime }) => text(effectiveDateTime)?.slice(0, 10) ?? [])),
    families: different(all.flatMap(({ name }) => items(name).flatMap(({ family }) => text(family) ?? []))),
    cities: different(all.flatMap(({ address }) => items(address).flatMap(({ city }) => text(city) ?? []))),
    births: different(all.flatMap(({ birthDate }) => text(birthDate) ?? [])),
    quantities: shuffled(
      observations.flatMap(({ valueQuantity }) => {
        const { value, code } = (valueQuantity ?? {}) as Json;
        return typeof value === 'number' && typeof code === 'string' ? [{ value, code }] : [];
      }),
    ),
    words: different(plans.flatMap(({ text: narrative }) => wordsOf((narrative as Json | undefined)?.div))),
  };
}

/** The longer words of a narrative. */
function wordsOf(div: unknown): readonly string[] {
  return (text(div) ?? '').replaceAll(/<[^>]*>|&[^;]*;/g, ' ').match(/[A-Za-z]{5,}/g) ?? [];
}

function codingsOf({ code }: Json): readonly Coded[] {
  return items((code as Json | undefined)?.coding).flatMap(({ system, code: value }) => {
    const [of, is] = [text(system), text(value)];
    return of === undefined || is === undefined ? [] : [{ system: of, code: is }];
  });
}

function items(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function distinct(values: readonly Coded[]): readonly Coded[] {
  return shuffled([...new Map(values.map((each) => [JSON.stringify(each), each])).values()]);
}

function different(texts: readonly string[]): readonly string[] {
  return shuffled([...new Set(texts)]);
}

/** The same in a random order. */
export function shuffled<T>(list: readonly T[]): readonly T[] {
  return list
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
