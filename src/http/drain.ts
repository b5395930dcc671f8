/** Ends a server's connections when it stops, without cutting an answer off. https://www.rfc-editor.org/rfc/rfc9112#section-9.6 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** How often idle connections are looked for, in milliseconds. */
const sweepEvery = 100;

/**
 * Follows the connections of a server from now on. Gives what stops it: no new connections, those that sent nothing or
 * are idle are closed, the others after the answer they wait for. Resolves when all are gone.
 */
export function drainable(server: Server): () => Promise<void> {
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // A client that goes on asking on its connection learns with the next answer that it is the last.
    server.prependListener('request', (_request, response) => {
      response.shouldKeepAlive = false;
    });
    const sweep = () => {
      server.closeIdleConnections();
      // Browsers open connections in advance; Node counts such a one as busy until its headers are late.
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    };
    sweep();
    const timer = setInterval(sweep, sweepEvery);
    await closed;
    clearInterval(timer);
  };
}
