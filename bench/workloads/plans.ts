/** What searches look at for a page, by their own explanations: none may read the common side. https://hl7.org/fhir/R4/search.html */
import { combinations, examine, mostRows, orders, sampleCriteria } from '../plans.ts';
import { startServer } from '../server.ts';
import { type Audit, type Bench, type Place, wants } from './bench.ts';

export const planWorkload = 'plans';

/** One row for each combination of criteria: the order in which most is looked at, compared with what is allowed. */
export async function plans(bench: Bench, place: Place, audit: Audit, where: string): Promise<void> {
  if (!wants(bench, planWorkload)) return;
  const server = await startServer({ storeUrl: place.url, audit });
  try {
    for (const combination of combinations(await sampleCriteria(server.port))) {
      const criteria = combination.map(({ criterion }) => criterion).join('&');
      const searches = [];
      for (const order of orders) {
        const examined = await examine(server.port, `Observation?${criteria}${order === '' ? '' : `&_sort=${order}`}`);
        const most = mostRows(examined?.rarest);
        const name = order === '' ? 'unsorted' : `by ${order}`;
        // A refused one was still reading what many resources match.
        const rows = examined?.rows ?? Math.max(most + 1, ...combination.map(({ matches }) => matches));
        const how = examined === undefined ? 'refused as too costly' : `${examined.milliseconds.toFixed(1)} ms`;
        searches.push({ rows, most, note: `${name}: ${how}` });
      }
      const missed = searches.filter(({ rows, most }) => rows > most);
      const [worst] = searches.toSorted((a, b) => b.rows / b.most - a.rows / a.most);
      if (worst === undefined) continue;
      const found = combination.map(({ matches }) => matches.toLocaleString('en-US')).join(' and ');
      const shown = missed.length === 0 ? [worst] : missed;
      bench.add({
        workload: `${where}: ${combination.map(({ name }) => name).join(' and ')}, rows looked at`,
        audit,
        value: worst.rows,
        unit: 'rows',
        target: { of: 'value', bound: 'most', value: worst.most },
        note: `${found} resources; ${shown.map(({ note }) => note).join(', ')}`,
      });
    }
  } finally {
    await server.stop();
  }
}
