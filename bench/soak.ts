/**
 * `npm run soak`: random writes, SIGKILL at a random moment, restart, verification over HTTP, again and again. Then the
 * store's own checks. https://hl7.org/fhir/R4/http.html#transaction
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitOf, spawnNode } from './machine.ts';
import { command, startServer } from './server.ts';
import { Client, Violation } from './soak/client.ts';
import { createLedger, type Ledger } from './soak/ledger.ts';
import { verify } from './soak/verify.ts';
import { write } from './soak/writer.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    writers: { type: 'string', default: '16' },
    kills: { type: 'string' },
    store: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** One life of the server: load, death, restart, verification. */
async function live(storeUrl: string, ledger: Ledger, writers: number, life: number): Promise<void> {
  const server = await startServer({ storeUrl, audit: 'all' });
  let dead = false;
  const client = new Client(server.port);
  const writing = Array.from({ length: writers }, (_, index) => write(client, ledger, `${life}-${index}`, () => dead));
  // Mostly soon, so that restarts and first writes are hit too.
  const delay = 20 + Math.random() ** 2 * 2000;
  await Promise.race([new Promise((resolve) => setTimeout(resolve, delay)), Promise.all(writing)]);
  dead = true;
  await server.kill();
  await Promise.all(writing);
}

async function check(storeUrl: string, ...args: readonly string[]): Promise<void> {
  const child = spawnNode('server', command, args, { env: { STORE_URL: storeUrl } });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-3000);
    });
  const code = await exitOf(child);
  if (code !== 0) throw new Violation(`osteon ${args.join(' ')} ended with ${code}:\n${output}`);
  console.log(`osteon ${args.join(' ')}: well`);
}

async function soak(minutes: number, writers: number, kills: number, store?: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'osteon-soak-'));
  const storeUrl = store ?? `sqlite:${join(folder, 'soak.db')}`;
  const ledger = createLedger();
  const until = Date.now() + minutes * 60_000;
  let told = Date.now();
  let life = 0;
  try {
    while (Date.now() < until && life < kills) {
      life += 1;
      await live(storeUrl, ledger, writers, life);
      const server = await startServer({ storeUrl, audit: 'all' });
      await verify(new Client(server.port), ledger);
      // The verifying server is killed as often as it is stopped: recovery is recovered from, too.
      if (Math.random() < 0.5) await server.kill();
      else await server.stop();
      if (Date.now() - told > 10_000) {
        told = Date.now();
        console.log(
          `${life} kills, ${ledger.acknowledged} writes acknowledged, ${ledger.open} open (${ledger.openDone} of them done), ${ledger.patients.length} Patients`,
        );
      }
    }
    await check(storeUrl, 'check');
    await check(storeUrl, 'audit', 'verify');
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    console.error(`After ${life} kills: ${error.message}\nThe store stays at ${storeUrl}`);
    return 1;
  }
  console.log(
    `${life} kills, ${ledger.acknowledged} writes acknowledged, ${ledger.open} open (${ledger.openDone} done): nothing lost, nothing half done`,
  );
  rmSync(folder, { recursive: true, force: true });
  return 0;
}

if (values.help) console.log('npm run soak -- [--minutes 10] [--kills n] [--writers 16] [--store <url>]');
else
  process.exitCode = await soak(
    Number(values.minutes),
    Number(values.writers),
    Number(values.kills ?? Number.POSITIVE_INFINITY),
    values.store,
  );
