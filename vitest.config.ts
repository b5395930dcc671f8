import { defineConfig } from 'vitest/config';
import { findMongo } from './test/stores/mongo-server.ts';

/** The tests that need a MongoDB. */
const mongoTests = ['test/**/mongo*.test.ts'];
/** Those over HTTP that look into a store's file. */
const fileTests = ['test/http/reindex.test.ts', 'test/http/search-parameters-contained.test.ts'];
const httpTests = 'test/http/**/*.test.ts';
const withMongo = findMongo() !== undefined;

export default defineConfig({
  test: {
    // The store's threads are started from TypeScript sources in tests; they inherit this preload.
    pool: 'forks',
    execArgv: ['--import', new URL('test/typescript.mjs', import.meta.url).href],
    maxWorkers: 2,
    setupFiles: ['test/seed.ts', 'test/http/after.ts'],
    // A busy machine takes ten times as long, and a server for tests may do one thing at a time: these only end what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    // The tests over HTTP load the whole server: those of one project share what is loaded, since loading took half of their time.
    projects: [
      {
        extends: true,
        test: {
          name: 'embedded',
          include: ['test/**/*.test.ts'],
          exclude: [...mongoTests, httpTests],
          globalSetup: withMongo ? [] : ['test/stores/mongo-absent.ts'],
        },
      },
      { extends: true, test: { name: 'embedded-http', include: [httpTests], exclude: mongoTests, isolate: false } },
      // The tests over HTTP once more, on MongoDB, where there is one.
      ...(withMongo
        ? ([
            {
              extends: true,
              test: {
                name: 'mongodb',
                include: [...mongoTests, 'test/cli/copy.test.ts'],
                exclude: [httpTests],
                env: { TEST_STORE: 'mongodb' },
                globalSetup: ['test/stores/mongo-setup.ts'],
              },
            },
            {
              extends: true,
              test: {
                name: 'mongodb-http',
                include: [httpTests],
                exclude: fileTests,
                isolate: false,
                env: { TEST_STORE: 'mongodb' },
                globalSetup: ['test/stores/mongo-setup.ts'],
              },
            },
          ] as const)
        : []),
    ],
  },
});
