/** One HTTP/1.1 connection that is kept alive: the leanest client that is still exact. https://hl7.org/fhir/R4/http.html */
import { connect, type Socket } from 'node:net';

/** What came back. `head` is the status line and the headers as text. */
export interface Reply {
  readonly status: number;
  readonly head: string;
  /** Bytes of the body. */
  readonly size: number;
  /** Only where it was asked for, and of a failure (status 400 and above). */
  readonly body: Buffer | undefined;
}

const endOfHead = Buffer.from('\r\n\r\n');

/**
 * Sends one request at a time and reads one response at a time (no pipelining). Bodies end by Content-Length or chunked
 * transfer; those of 204 and 304 are empty.
 */
export class Connection {
  readonly #socket: Socket;
  #done: ((reply: Reply) => void) | undefined;
  #failed: (error: Error) => void;
  #keep = false;
  /** Bytes of a head that hasn't ended, or of a chunked body. */
  #pending: Buffer | undefined;
  #head = '';
  #status = 0;
  #size = 0;
  /** Bytes of the body still to come; -1: reading a head; -2: reading chunks. */
  #left = -1;
  #parts: Buffer[] = [];

  /** `failed` is called once when the connection breaks, also where no reply is awaited. */
  constructor(port: number, ready: () => void, failed: (error: Error) => void) {
    this.#failed = failed;
    const buffer = Buffer.allocUnsafe(256 * 1024);
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      onread: {
        buffer,
        callback: (count) => {
          this.#read(buffer.subarray(0, count));
          return true;
        },
      },
    });
    this.#socket.setNoDelay(true);
    this.#socket.once('connect', ready);
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** Sends a whole request; `done` gets the response, with its body if `keep`. */
  send(request: Buffer | readonly Buffer[], keep: boolean, done: (reply: Reply) => void): void {
    this.#done = done;
    this.#keep = keep;
    if (Buffer.isBuffer(request)) this.#socket.write(request);
    else for (const part of request) this.#socket.write(part);
  }

  /** Closes the connection without a complaint. */
  close(): void {
    this.#failed = () => undefined;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    const failed = this.#failed;
    this.#failed = () => undefined;
    failed(error);
  }

  #read(chunk: Buffer): void {
    if (this.#left === -1) this.#readHead(chunk);
    else if (this.#left === -2) this.#readChunks(chunk);
    else this.#readBody(chunk);
  }

  #readHead(chunk: Buffer): void {
    const bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    const end = bytes.indexOf(endOfHead);
    if (end === -1) {
      this.#pending = Buffer.from(bytes);
      return;
    }
    this.#pending = undefined;
    const head = bytes.toString('latin1', 0, end);
    this.#head = head;
    this.#status = Number(head.slice(9, 12));
    this.#size = 0;
    this.#keep ||= this.#status >= 400;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const rest = bytes.subarray(end + 4);
    if (this.#status === 204 || this.#status === 304) this.#left = 0;
    else if (length !== undefined) this.#left = Number(length);
    else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.#left = -2;
      this.#readChunks(rest);
      return;
    } else {
      this.#fail(new Error('a response without a length'));
      return;
    }
    this.#readBody(rest);
  }

  #readBody(chunk: Buffer): void {
    this.#size += chunk.length;
    this.#left -= chunk.length;
    if (this.#keep) this.#parts.push(Buffer.from(chunk));
    if (this.#left === 0) this.#finish();
    else if (this.#left < 0) this.#fail(new Error('more than the announced length'));
  }

  #readChunks(chunk: Buffer): void {
    let bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    for (;;) {
      const line = bytes.indexOf('\r\n');
      const size = line === -1 ? Number.NaN : Number.parseInt(bytes.toString('latin1', 0, line), 16);
      if (Number.isNaN(size) || bytes.length < line + 2 + size + 2) {
        this.#pending = Buffer.from(bytes);
        return;
      }
      if (size === 0) {
        this.#finish();
        return;
      }
      this.#size += size;
      if (this.#keep) this.#parts.push(Buffer.from(bytes.subarray(line + 2, line + 2 + size)));
      bytes = bytes.subarray(line + 2 + size + 2);
    }
  }

  #finish(): void {
    const done = this.#done;
    const body = this.#keep ? Buffer.concat(this.#parts) : undefined;
    this.#done = undefined;
    this.#left = -1;
    this.#parts = [];
    if (done === undefined) this.#fail(new Error('a response that nobody asked for'));
    else done({ status: this.#status, head: this.#head, size: this.#size, body });
  }
}

/** An HTTP request as bytes. `headers` are lines without line ends; `type`: that of the body. */
export function requestBytes(
  method: string,
  path: string,
  headers: readonly string[] = [],
  body?: Uint8Array,
  type = 'application/fhir+json',
): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers];
  if (body !== undefined) lines.push(`Content-Type: ${type}`, `Content-Length: ${body.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return body === undefined ? head : Buffer.concat([head, body]);
}
