/** What looking up codes costs where they lie in the store one by one. https://hl7.org/fhir/R4/terminology-service.html */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Connection, type Reply, requestBytes } from '../load/connection.ts';
import { type RunningServer, startServer } from '../server.ts';
import { type Bench, median, placeOf, removeStore, wants } from './bench.ts';

const file = `${process.env.OSTEON_TEST_DATA ?? '../shared/data'}/terminology/icd10cm-fy2022.tsv.gz`;
const system = 'http://hl7.org/fhir/sid/icd-10-cm';
/** What the target speaks of. */
const loadTarget = 10;
/** Requests of a kind, after some that aren't counted. */
const requests = 200;
const first = 50;

const codes = ['M17.11', 'S82.101A', 'E11.9', 'I10', 'S72.001A', 'M16.11', 'A00.0'];
const words = ['knee', 'fracture', 'left', 'initial', 'osteoarthritis', 'tibia open', 'pain'];

const below = (code: string) => ({ system, filter: [{ property: 'concept', op: 'is-a', value: code }] });
const billable = { system, filter: [{ property: 'billable', op: '=', value: 'true' }] };

/** Value sets over the system, by what they are called here. */
const sets = {
  'the whole': { include: [{ system }] },
  'one branch': { include: [below('M17')] },
  'three branches': { include: [below('M16'), below('M17'), below('S82')] },
  'all but a branch': { include: [{ system }], exclude: [below('S82')] },
  'what can be billed': { include: [billable] },
} as const;

const urlOf = (name: string) => `http://osteon.example/ValueSet/${name.replaceAll(' ', '-')}`;

/** ICD-10-CM is loaded by the command; then each question by itself, one connection. Without the file nothing is measured. */
export async function terminology(bench: Bench): Promise<void> {
  if (!wants(bench, 'terminology')) return;
  if (!existsSync(file)) return bench.say(`terminology is left out: ${file} is absent`);
  const place = placeOf(bench, 'terminology');
  load(bench, place.url);
  const server = await startServer({ storeUrl: place.url, audit: 'all', profile: bench.options.profile });
  try {
    for (const [name, compose] of Object.entries(sets)) await store(server, name, compose);
    const code = (n: number) => encodeURIComponent(codes[n % codes.length] ?? '');
    const word = (n: number) => encodeURIComponent(words[n % words.length] ?? '');
    await ask(bench, server, '$lookup', 2, (n) => `CodeSystem/$lookup?system=${system}&code=${code(n)}`);
    await ask(bench, server, '$lookup of one with children', 2, () => `CodeSystem/$lookup?system=${system}&code=S82`);
    await ask(bench, server, '$validate-code', 2, (n) => `CodeSystem/$validate-code?url=${system}&code=${code(n)}`);
    for (const name of Object.keys(sets)) {
      const url = urlOf(name);
      await ask(bench, server, `$validate-code, ${name}`, 2, (n) => {
        return `ValueSet/$validate-code?url=${url}&system=${system}&code=${code(n)}`;
      });
      await ask(bench, server, `$expand?filter=, ${name}`, 20, (n) => {
        return `ValueSet/$expand?url=${url}&filter=${word(n)}&count=20`;
      });
    }
  } finally {
    await server.stop();
    removeStore(place);
  }
}

function load({ add }: Bench, storeUrl: string): void {
  const begun = performance.now();
  const args = ['dist/bin/osteon.js', 'terminology', 'load', '--store-url', storeUrl, file];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`loading ended with ${status}: ${stderr}`);
  add({
    workload: 'osteon terminology load, ICD-10-CM',
    value: (performance.now() - begun) / 1000,
    unit: 's',
    target: { of: 'value', bound: 'most', value: loadTarget },
  });
}

async function store({ port }: RunningServer, name: string, compose: object): Promise<void> {
  const url = urlOf(name);
  const reply = await fetch(`http://127.0.0.1:${port}/fhir/ValueSet`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'ValueSet', url, status: 'active', compose }),
  });
  if (reply.status !== 201) throw new Error(`${name} was answered ${reply.status}: ${await reply.text()}`);
}

async function ask(
  { add }: Bench,
  { port }: RunningServer,
  workload: string,
  most: number,
  path: (n: number) => string,
): Promise<void> {
  const took: number[] = [];
  const connection = await connected(port);
  for (let n = 0; n < first + requests; n++) {
    // As a browser or `fetch` asks: answers come packed.
    const request = requestBytes('GET', `/fhir/${path(n)}`, ['Accept-Encoding: gzip']);
    const begun = performance.now();
    const { status } = await new Promise<Reply>((done) => connection.send(request, false, done));
    if (status !== 200) throw new Error(`${path(n)} was answered ${status}`);
    if (n >= first) took.push(performance.now() - begun);
  }
  connection.close();
  add({
    workload,
    value: median(took, (each) => each),
    unit: 'ms',
    max: Math.max(...took),
    target: { of: 'value', bound: 'most', value: most },
  });
}

/** A connection of the load generator, which takes less of the time that is measured than `fetch`. */
async function connected(port: number): Promise<Connection> {
  let connection: Connection | undefined;
  await new Promise<void>((ready, failed) => {
    connection = new Connection(port, ready, failed);
  });
  if (connection === undefined) throw new Error('there is no connection');
  return connection;
}
