import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The store's threads are started from TypeScript sources in tests; they inherit this preload.
    pool: 'forks',
    execArgv: ['--import', new URL('test/typescript.mjs', import.meta.url).href],
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
