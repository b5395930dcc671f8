/** A whole server behind a real socket, and requests to it byte by byte. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { type Configuration, readConfiguration } from '../../src/config.ts';
import { type RunningServer, startServer } from '../../src/main.ts';
import { plain } from './server.ts';
import { freshStore } from './stores.ts';

export type Flags = Partial<Record<keyof Configuration, string>>;

export interface SocketReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

export interface SocketServer extends RunningServer {
  /** `path` begins behind the host: `/fhir/Patient/1`. */
  readonly ask: (
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: string | Uint8Array,
  ) => Promise<SocketReply>;
  /** Sends bytes as they are and gives all that comes back until the server ends the connection. */
  readonly raw: (text: string | Uint8Array) => Promise<string>;
}

/** Listens on a free port, with a store of its own unless the flags name one. */
export async function socketServer(flags: Flags = {}): Promise<SocketServer> {
  const settings = {
    ...plain,
    PORT: '0',
    STORE_URL: flags.STORE_URL ?? freshStore().url,
    LOG_LEVEL: 'silent',
    ...flags,
  };
  const server = await startServer(readConfiguration({}, settings));
  const { port } = server;
  const ask: SocketServer['ask'] = (method, path, headers = {}, body) =>
    new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('error', reject);
        reply.on('end', () =>
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, bytes: Buffer.concat(chunks) }),
        );
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const raw: SocketServer['raw'] = (text) =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', reject);
      socket.on('end', () => {
        socket.destroy();
        resolve(Buffer.concat(chunks).toString());
      });
    });
  return { ...server, ask, raw };
}
