/** The whole server without a socket, so that tests call `app.request()`. https://hl7.org/fhir/R4/http.html */
import { Hono } from 'hono';
import { fhirJsonType } from './fhir/media-type.ts';
import { failure, operationOutcome } from './fhir/outcome.ts';
import { basePath, type Edge, respond } from './http/routes.ts';

/** Routes FHIR below `/fhir`, health below `/health`, and Prometheus' `/metrics`. */
export function createApp(edge: Edge): Hono {
  const app = new Hono();
  app.all(basePath, (context) => respond(edge, context));
  app.all(`${basePath}/*`, (context) => respond(edge, context));
  app.get('/health/live', (context) => context.json({ status: 'up' }));
  app.get('/health/ready', async (context) => {
    try {
      await edge.context.store.ready();
      return context.json({ status: 'ready' });
    } catch {
      return context.json({ status: 'unavailable' }, 503);
    }
  });
  app.get('/metrics', async (context) =>
    context.body(await edge.metrics.text(), 200, { 'Content-Type': edge.metrics.contentType }),
  );
  app.notFound((context) => {
    const { issues } = failure(404, 'not-found', `FHIR is served below ${basePath}.`);
    return context.body(JSON.stringify(operationOutcome(issues)), 404, { 'Content-Type': fhirJsonType });
  });
  return app;
}
