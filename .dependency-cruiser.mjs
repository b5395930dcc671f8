// The import rules of CONTRIBUTING.md: which room may import which, and the one home of each package.
const rooms = {
  fhir: [],
  search: ['fhir'],
  terminology: ['fhir'],
  validation: ['fhir', 'terminology'],
  tabular: ['fhir'],
  store: ['fhir', 'search'],
  'store/sqlite': ['store', 'fhir', 'search'],
  'store/mongo': ['store', 'fhir', 'search'],
  access: ['fhir', 'search'],
  audit: ['fhir', 'store'],
  jobs: ['fhir', 'search', 'audit', 'store'],
  interactions: ['fhir', 'search', 'validation', 'terminology', 'access', 'audit', 'store'],
  operations: [
    'fhir',
    'search',
    'validation',
    'terminology',
    'tabular',
    'access',
    'audit',
    'store',
    'jobs',
    'interactions',
  ],
  http: [
    'fhir',
    'search',
    'validation',
    'terminology',
    'access',
    'audit',
    'store',
    'jobs',
    'interactions',
    'operations',
    'app',
    'config',
    'log',
  ],
};

// A room's own path. The port is the files directly in src/store; app, config and log are files directly in src.
const pathOf = (room) =>
  room === 'store'
    ? '^src/store/[^/]+\\.ts$'
    : ['app', 'config', 'log'].includes(room)
      ? `^src/${room}\\.ts$`
      : `^src/${room}/`;

const homes = {
  hono: ['^src/http/', '^src/app\\.ts$', '^src/main\\.ts$'],
  '@hono/node-server': ['^src/main\\.ts$', '^src/http/'],
  mongodb: ['^src/store/mongo/'],
  '@lhncbc/ucum-lhc': ['^src/fhir/ucum\\.ts$'],
  '@photostructure/sqlite': ['^src/store/sqlite/open\\.ts$'],
  jose: ['^src/access/'],
  ajv: ['^src/validation/', '^src/config(-check)?\\.ts$'],
  pino: ['^src/log\\.ts$'],
  'csv-parse': ['^src/tabular/', '^src/cli/'],
  'csv-stringify': ['^src/tabular/'],
  '@fastify/busboy': ['^src/operations/csv/'],
};

export default {
  forbidden: [
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `room ${room}`,
      severity: 'error',
      from: { path: pathOf(room) },
      to: { path: '^src/', pathNot: [pathOf(room), ...allowed.map(pathOf)] },
    })),
    ...Object.entries(homes).map(([name, home]) => ({
      name: `home of ${name}`,
      severity: 'error',
      from: { path: '^src/', pathNot: home },
      to: { path: `node_modules/${name}(/|$)` },
    })),
    {
      name: 'no cycles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
    {
      name: 'src needs no tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|build|seeds)/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
