import { expect, test } from 'vitest';
import { serve } from './process.ts';

const warning = 'Warning: there is no access control yet';

test.each([
  ['127.0.0.1', false],
  ['localhost', false],
  ['0.0.0.0', true],
])(
  'HOST=%s: listening elsewhere without access control prints a warning: %s',
  { timeout: 180_000 },
  async (host, warned) => {
    const server = await serve('sqlite::memory:', ['--HOST', host]);
    expect(await server.stop()).toBe(0);
    expect(server.printed().includes(warning)).toBe(warned);
  },
);
