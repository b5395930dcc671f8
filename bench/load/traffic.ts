/** Where requests come from: the kinds of traffic that the workloads are made of. https://hl7.org/fhir/R4/http.html */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { type Reply, requestBytes } from './connection.ts';
import type { TrafficPlan } from './job.ts';

/** One request, and the status that it should be answered with. */
export interface Asked {
  readonly bytes: Buffer | readonly Buffer[];
  readonly expected: number;
}

/** A source of requests for some connections. */
export interface Traffic {
  /** The next request of a connection; undefined: nothing is left. */
  readonly next: (connection: number) => Asked | undefined | Promise<Asked | undefined>;
  /** Sees each answer before the connection's next request is asked for. */
  readonly answered?: (connection: number, reply: Reply) => void;
}

const json = 'Accept: application/fhir+json';

/** Builds the source of a plan. Throws where its file can't be read. */
export function createTraffic(plan: TrafficPlan, connections: number): Traffic {
  switch (plan.kind) {
    case 'get':
      return gets(plan);
    case 'create':
      return creates(plan.path, plan.bodies);
    case 'cycle':
      return cycles(plan.base, plan.bodies, connections);
    case 'bundles':
      return bundles(plan.path, plan.file, plan.limit ?? Number.POSITIVE_INFINITY);
    case 'whole': {
      const body = readFileSync(plan.file);
      let sent = false;
      return {
        next: () => {
          if (sent) return undefined;
          sent = true;
          return { bytes: requestBytes('POST', plan.path, [json], body), expected: 200 };
        },
      };
    }
  }
}

function linesOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}

function gets({
  paths,
  accept = 'application/fhir+json',
  once = false,
}: Extract<TrafficPlan, { kind: 'get' }>): Traffic {
  const asked = linesOf(paths).map((line): Asked => {
    const path: unknown = JSON.parse(line);
    return { bytes: requestBytes('GET', String(path), [`Accept: ${accept}`]), expected: 200 };
  });
  if (!once) return { next: () => asked[Math.floor(Math.random() * asked.length)] };
  const left = asked.values();
  return { next: () => left.next().value };
}

/** A text that no other process and no earlier run has used. */
function uniqueTexts(): () => string {
  const start = `${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
  let count = 0;
  return () => {
    count += 1;
    return `${start}${count.toString(36)}`;
  };
}

/** Fills the places of a template where it says `@@`. */
function fill(template: string, text: string): Buffer {
  return Buffer.from(template.replaceAll('@@', text));
}

function creates(path: string, file: string): Traffic {
  const templates = linesOf(file);
  const unique = uniqueTexts();
  let count = 0;
  return {
    next: () => {
      const template = templates[count % templates.length] ?? '{}';
      count += 1;
      return { bytes: requestBytes('POST', path, [json], fill(template, unique())), expected: 201 };
    },
  };
}

function cycles(base: string, file: string, connections: number): Traffic {
  const templates = linesOf(file);
  const unique = uniqueTexts();
  // What each connection is at: the step, its resource's path and its text.
  const places = Array.from({ length: connections }, () => ({ step: 0, path: '', text: '', template: '' }));
  return {
    next: (connection) => {
      const place = places[connection];
      if (place === undefined) return undefined;
      const step = place.step;
      place.step = (step + 1) % 6;
      switch (step) {
        case 0:
          place.text = unique();
          place.template = templates[Math.floor(Math.random() * templates.length)] ?? '{}';
          return {
            bytes: requestBytes('POST', `${base}/Patient`, [json], fill(place.template, place.text)),
            expected: 201,
          };
        case 2: {
          const id = place.path.slice(place.path.lastIndexOf('/') + 1);
          const resource: unknown = JSON.parse(place.template.replaceAll('@@', place.text));
          const body = Buffer.from(JSON.stringify({ ...Object(resource), id, active: false }));
          return { bytes: requestBytes('PUT', place.path, [json, 'If-Match: W/"1"'], body), expected: 200 };
        }
        case 3:
          return {
            bytes: requestBytes('GET', `${base}/Patient?identifier=urn:bench%7C${place.text}`, [json]),
            expected: 200,
          };
        case 5:
          return { bytes: requestBytes('DELETE', place.path, [json]), expected: 204 };
        default:
          return { bytes: requestBytes('GET', place.path, [json]), expected: 200 };
      }
    },
    answered: (connection, reply) => {
      const place = places[connection];
      if (place?.step !== 1) return;
      const location = /\r\nlocation: *[^\r]*?(\/Patient\/[^/\r]+)/i.exec(reply.head)?.[1];
      place.path = `${base}${location ?? '/Patient/none'}`;
    },
  };
}

function bundles(path: string, file: string, limit: number): Traffic {
  const source = createReadStream(file);
  const unpacked = file.endsWith('.gz') ? source.pipe(createGunzip()) : source;
  const lines = createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  let count = 0;
  return {
    next: async () => {
      if (count >= limit) return undefined;
      count += 1;
      const line = await lines.next();
      if (line.done === true) return undefined;
      return {
        bytes: requestBytes('POST', path, [json, 'Prefer: return=minimal'], Buffer.from(line.value)),
        expected: 200,
      };
    },
  };
}
