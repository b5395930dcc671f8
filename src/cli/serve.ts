/** `osteon serve`: the server, until it is told to stop. https://hl7.org/fhir/R4/http.html */
import { Command } from 'commander';
import { type RunningServer, startServer } from '../main.ts';
import { loadSeeds } from './seeds.ts';
import { addSettings, configurationOf } from './settings-options.ts';

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Serve FHIR at http://HOST:PORT/fhir.')
    .option('--seed', 'load the synthetic clinic of seeds/ into an empty store');
  return addSettings(command).action(serve);
}

async function serve(options: Readonly<Record<string, unknown>>): Promise<void> {
  const started = performance.now();
  const configuration = configurationOf(options);
  let loaded: number | undefined;
  const server = await startServer(configuration, async (context) => {
    if (options.seed === true) loaded = await loadSeeds(context);
  });
  stopOnSignals(server);
  const { baseUrl, composed } = server;
  const took = Math.round(performance.now() - started);
  console.log(`Osteon serves FHIR R4 at ${baseUrl}`);
  console.log(`  store    ${composed.store.name}`);
  console.log(`  started  in ${took} ms`);
  if (loaded !== undefined) {
    console.log(loaded === 0 ? '  seeds    left alone: the store has resources' : `  seeds    ${loaded} resources`);
  }
  console.log(`  try      curl '${baseUrl}/Patient?_count=2&_pretty=true'`);
  if (!isLocal(configuration.HOST)) {
    const where = `HOST=${configuration.HOST}: whoever reaches this address reads and writes everything.`;
    console.warn(`Warning: there is no access control yet, and ${where}`);
  }
}

const isLocal = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.');

function stopOnSignals(server: RunningServer): void {
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    server.stop().then(
      () => {
        process.exitCode = 0;
      },
      (error: unknown) => {
        console.error(`The store could not be closed: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
