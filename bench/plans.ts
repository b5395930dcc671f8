/** Rare, middling and common criteria, alone, in pairs and sorted: what reading their first pages looks at. https://hl7.org/fhir/R4/search.html */
import { quickThresholds, thoroughThresholds } from '../src/store/sqlite/thresholds.ts';
import { once } from './server.ts';

/** A criterion with the number of resources it finds. */
export interface Sampled {
  readonly name: string;
  /** As it stands in a query. */
  readonly criterion: string;
  readonly matches: number;
}

/** What a search looks at, by its explanation. */
export interface Examined {
  readonly rows: number;
  /** Rows of its rarest criterion; undefined where all of them have more than are counted. */
  readonly rarest: number | undefined;
  readonly matches: number;
  readonly milliseconds: number;
}

/** The orders that each combination is read in. */
export const orders: readonly string[] = [
  '',
  'date',
  '-date',
  'code',
  'value-quantity',
  '-value-quantity',
  '_lastUpdated',
  '-_lastUpdated',
];

/** For each row of the rarest criterion: that it is found, tested and, where all are sorted, looked at once more. */
const each = 3;
/** Beside that, for a page: what else its statements look at. */
const page = 300;
/** Where no criterion is rare: what a page's rows lie among, which the others or the sort leave out. */
const sought = 20_000;

/**
 * Rows that a search of one or two criteria may look at for a page: those of the rarer one, and as many of both as are counted to
 * know which that is, never those of a common one. `rarest`: undefined where both have more than an explanation counts.
 */
export function mostRows(rarest: number | undefined): number {
  if (rarest === undefined) return 2 * sum(thoroughThresholds.probes) + sought;
  const { probes } = quickThresholds;
  const enough = probes.findIndex((limit) => limit > rarest);
  return each * rarest + page + 2 * sum(enough < 0 ? probes : probes.slice(0, enough + 1));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}

/** Each criterion alone, then each with each. */
export function combinations(criteria: readonly Sampled[]): readonly (readonly Sampled[])[] {
  const pairs = criteria.flatMap((one, place) => criteria.slice(place + 1).map((other) => [one, other]));
  return [...criteria.map((one) => [one]), ...pairs];
}

/**
 * Observations' criteria of each kind that the server has: a patient, codes and days that are rare, middling and common. Throws
 * Error where the server refuses to be read.
 */
export async function sampleCriteria(port: number): Promise<readonly Sampled[]> {
  const total = async (criterion: string): Promise<number> => {
    const { total: matches } = await bundleOf(port, `Observation?${criterion}&_summary=count`);
    return matches ?? 0;
  };
  const some = await bundleOf(port, 'Observation?_count=1000&_elements=code,subject,effective');
  const codes = new Set<string>();
  let subject = '';
  let day = '2014-01-01';
  for (const { resource } of some.entry ?? []) {
    subject = resource.subject?.reference ?? subject;
    day = resource.effectiveDateTime?.slice(0, 10) ?? day;
    for (const { system, code } of resource.code?.coding ?? [])
      codes.add(`code=${encodeURIComponent(`${system}|${code}`)}`);
  }
  const counted: Sampled[] = [];
  for (const criterion of codes) counted.push({ name: 'code', criterion, matches: await total(criterion) });
  const byMatches = counted.sort((a, b) => a.matches - b.matches);
  const common = byMatches.at(-1)?.matches ?? 0;
  const rare = byMatches[0]?.matches ?? 0;
  // In the middle of the orders of magnitude.
  const middle = Math.sqrt(Math.max(1, rare) * common);
  const distance = ({ matches }: Sampled): number => Math.abs(Math.log(Math.max(1, matches) / middle));
  const [middling] = [...byMatches].sort((a, b) => distance(a) - distance(b));
  const named = async (name: string, criterion: string): Promise<Sampled> => {
    return { name, criterion, matches: await total(criterion) };
  };
  return [
    ...byMatches.slice(0, 1).map((found) => ({ ...found, name: 'rare code' })),
    await named('patient', `subject=${subject}`),
    await named('day', `date=${day}`),
    ...(middling === undefined ? [] : [{ ...middling, name: 'middling code' }]),
    await named('month', `date=${day.slice(0, 7)}`),
    ...byMatches.slice(-1).map((found) => ({ ...found, name: 'common code' })),
    await named('since 1990', 'date=ge1990'),
    await named('final', 'status=final'),
  ];
}

/** What the first page of a search looks at; undefined: it is too costly. Throws Error where it is refused otherwise. */
export async function examine(port: number, query: string): Promise<Examined | undefined> {
  const reply = await once(port, `/fhir/${query}&_count=20&_total=none&_explain=true`);
  if (reply.status === 400 && reply.body?.includes('too-costly')) return undefined;
  if (reply.status !== 200) throw new Error(`${query}: ${reply.status} ${reply.body?.toString().slice(0, 300)}`);
  const { parameter }: { readonly parameter: readonly Parameter[] } = JSON.parse(reply.body?.toString() ?? '{}');
  const number = (name: string): number => {
    const found = parameter.find((of) => of.name === name);
    return found?.valueInteger ?? found?.valueDecimal ?? 0;
  };
  const rows = parameter
    .flatMap(({ part = [] }) => part)
    .filter(({ name }) => name === 'criterion')
    .flatMap(({ part = [] }) => part.filter(({ name }) => name === 'rows'))
    .flatMap(({ valueInteger }) => valueInteger ?? []);
  return {
    rows: number('rowsExamined'),
    rarest: rows.length === 0 ? undefined : Math.min(...rows),
    matches: number('matches'),
    milliseconds: number('milliseconds'),
  };
}

interface Parameter {
  readonly name: string;
  readonly valueInteger?: number;
  readonly valueDecimal?: number;
  readonly part?: readonly Parameter[];
}

interface Observations {
  readonly total?: number;
  readonly entry?: readonly {
    readonly resource: {
      readonly code?: { readonly coding?: readonly { readonly system?: string; readonly code?: string }[] };
      readonly subject?: { readonly reference?: string };
      readonly effectiveDateTime?: string;
    };
  }[];
}

async function bundleOf(port: number, query: string): Promise<Observations> {
  const reply = await once(port, `/fhir/${query}`);
  if (reply.status !== 200) throw new Error(`${query}: ${reply.status}`);
  return JSON.parse(reply.body?.toString() ?? '{}');
}
