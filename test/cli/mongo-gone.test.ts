/** A server whose MongoDB no longer answers, and that is told to end. https://hl7.org/fhir/R4/http.html */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { databaseName, databases } from '../stores/mongo-database.ts';
import { serve } from './process.ts';

const own = databases();

/** What stands between a server and its MongoDB, until it is cut. */
async function between(host: string, port: number): Promise<{ readonly port: number; readonly cut: () => void }> {
  const sockets = new Set<Socket>();
  const middle = createServer((near) => {
    const far = connect(port, host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      // Cutting one ends the other.
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].map((each) => each.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  middle.listen(0, '127.0.0.1');
  await once(middle, 'listening');
  const address = middle.address();
  if (typeof address !== 'object' || address === null) throw new Error('it listens on a port');
  const cut = () => {
    middle.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: address.port, cut };
}

const url = own.url();
const [, host = '', port = ''] = /^mongodb:\/\/([^:/?@,]+):(\d+)\//.exec(url) ?? [];

it.skipIf(host === '')('ends all the same, and says that the store could not be closed', async () => {
  const way = await between(host, Number(port));
  const options = 'directConnection=true&serverSelectionTimeoutMS=500';
  const server = await serve(`mongodb://127.0.0.1:${way.port}/${databaseName(url)}?${options}`);
  try {
    way.cut();
    expect(await server.stop()).toBe(1);
    expect(server.printed()).toContain('The store could not be closed');
  } finally {
    way.cut();
    server.child.kill('SIGKILL');
  }
});
