/**
 * A server that answers whatever arrives with the same bytes, without reading it: shows what the load generator itself can
 * do. (Beside https://hl7.org/fhir/R4/http.html, on purpose.) Arguments: the body's bytes. Prints the port.
 */
import { createServer } from 'node:net';

const size = Number(process.argv[2] ?? 1024);
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
);
const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('data', () => socket.write(answer));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(address.port);
});
process.on('SIGTERM', () => process.exit(0));
