/** What lies in `deploy/` fits the server. https://hl7.org/fhir/R4/http.html */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { settings } from '../src/config.ts';
import type { Json } from './http/server.ts';
import { type SocketServer, socketServer } from './http/socket.ts';

const textOf = (path: string) => readFileSync(new URL(`../deploy/${path}`, import.meta.url), 'utf8');

describe('the Grafana dashboard', () => {
  const dashboard: Json = JSON.parse(textOf('grafana/dashboards/osteon.json'));
  const expressions: readonly string[] = dashboard.panels.flatMap(({ targets }: Json) =>
    targets.map(({ expr }: Json) => expr),
  );
  let metrics: string;

  beforeAll(async () => {
    const server: SocketServer = await socketServer();
    for (const path of ['/fhir/Patient', '/fhir/Patient/nobody']) await server.ask('GET', path);
    metrics = (await server.ask('GET', '/metrics')).bytes.toString();
    await server.stop();
  });

  test.each([...new Set(expressions.flatMap((text) => text.match(/(?:osteon|process|nodejs)_\w+/g) ?? []))])(
    'shows %s, which the server measures',
    (name) => {
      const family = name.replace(/_(bucket|count)$/, '');
      expect(metrics).toMatch(new RegExp(`^# TYPE (${name}|${family}) `, 'm'));
    },
  );

  test('groups by labels that the server gives', () => {
    const labels = new Set(expressions.flatMap((text) => /by \(([^)]+)\)/.exec(text)?.[1]?.split(/, /) ?? []));
    const given = new Set([...metrics.matchAll(/(\w+)="/g)].map(([, label]) => label));
    // Types come with the first resource.
    for (const label of labels) if (label !== 'type') expect(given).toContain(label);
    expect(labels.size).toBeGreaterThan(3);
  });
});

describe('containers', () => {
  const compose = textOf('compose.yaml');
  const dockerfile = textOf('Dockerfile');

  test('set what the server knows', () => {
    const [, servers = ''] = /x-osteon:.*?environment:\n(.*?)\n {2}volumes:/s.exec(compose) ?? [];
    const [, image = ''] = /\nENV (.*?)\nWORKDIR/s.exec(dockerfile) ?? [];
    const names = [...servers.matchAll(/^ +([A-Z_]+):/gm), ...image.matchAll(/([A-Z_]+)=/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(6);
    for (const name of names.filter((each) => each !== 'NODE_ENV')) expect(Object.keys(settings)).toContain(name);
  });

  test('run as a user without rights, with a health check that the server answers', () => {
    expect(dockerfile).toMatch(/\nUSER node\n/);
    expect(dockerfile).toContain('/health/ready');
  });

  test('the proxy takes what the servers take', () => {
    const megabytes = Number(/client_max_body_size (\d+)m/.exec(textOf('nginx.conf'))?.[1]);
    expect(megabytes * 1024 * 1024).toBe(Number(settings.MAX_BODY_BYTES.default));
  });

  test('the proxy sends no write twice', () => {
    const [, methods = ''] =
      /if \(\$request_method ~ \^\((.*?)\)\$\) \{\s*return 418;/.exec(textOf('nginx.conf')) ?? [];
    // Those that nginx itself takes for repeatable; POST and PATCH it doesn't repeat.
    expect(methods.split('|').sort()).toEqual(['DELETE', 'PUT']);
    expect(textOf('nginx.conf')).toMatch(/error_page 418 = (@\w+);.*location \1 \{[^}]*proxy_next_upstream off;/s);
    expect(textOf('nginx.conf')).not.toContain('non_idempotent');
  });
});
