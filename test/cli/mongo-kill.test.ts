/** Server processes on one database that are killed under load: nothing acknowledged is lost. https://hl7.org/fhir/R4/http.html#transaction */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Client } from '../../bench/soak/client.ts';
import { createLedger } from '../../bench/soak/ledger.ts';
import { verify } from '../../bench/soak/verify.ts';
import { write } from '../../bench/soak/writer.ts';
import { databases } from '../stores/mongo-database.ts';
import { run, type Serving, serve } from './process.ts';

const own = databases();
const kills = 20;
/** Writers at each server. */
const writers = 4;
/** Milliseconds of writing at most. */
const longest = 400;

const portOf = ({ base }: Serving): number => Number(new URL(base).port);

test(`${kills} times: every acknowledged write is there, none by half, at the other server at once`, async () => {
  const url = own.url();
  const ledger = createLedger();
  const start = () => serve(url);
  let survivor = await start();
  for (let life = 0; life < kills; life += 1) {
    const victim = await start();
    let over = false;
    const lines = [victim, survivor].flatMap((server, place) =>
      Array.from({ length: writers }, (_, n) =>
        write(new Client(portOf(server)), ledger, `${life}-${place}-${n}`, () => over),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * longest));
    victim.child.kill('SIGKILL');
    over = true;
    await Promise.all([...lines, once(victim.child, 'close')]);
    await verify(new Client(portOf(survivor)), ledger);
    // The one that has seen others die ends in its turn.
    if (life % 5 === 4) {
      const next = await start();
      expect(await survivor.stop()).toBe(0);
      survivor = next;
    }
  }
  expect(await survivor.stop()).toBe(0);
  expect(ledger.acknowledged).toBeGreaterThan(kills * 5);
  for (const command of [['check'], ['audit', 'verify']]) {
    const { status, out, err } = await run(command, { STORE_URL: url });
    expect(status, out + err).toBe(0);
  }
}, 600_000);
