/**
 * The ceiling of everything over HTTP: hono on its Node server, answering each request with the same body and the headers
 * of a read. https://hl7.org/fhir/R4/http.html#read
 *
 * Arguments: the body's bytes. Prints the port.
 */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const size = Number(process.argv[2] ?? 1024);
const body = Buffer.from(`{"resourceType":"Basic","id":"bare","text":"${'x'.repeat(Math.max(0, size - 46))}"}`);
const app = new Hono();
app.get('/fhir/:type/:id', (context) =>
  context.body(body, 200, {
    'Content-Type': 'application/fhir+json; charset=utf-8',
    'Content-Length': String(body.length),
    ETag: 'W/"1"',
    'Last-Modified': 'Sat, 31 Jan 2026 08:00:00 GMT',
  }),
);
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  console.log(port);
});
process.on('SIGTERM', () => {
  server.close();
  process.exit(0);
});
