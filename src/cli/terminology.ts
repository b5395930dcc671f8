/** `osteon terminology`: code systems of release files and packages into the store. https://hl7.org/fhir/R4/terminologies-systems.html */
import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import { OutcomeError } from '../fhir/outcome.ts';
import type { Context } from '../interactions/context.ts';
import { baseUrlOf, type Composed, compose } from '../main.ts';
import { UnusableConcepts } from '../store/terminology.ts';
import { commandLog } from './command-log.ts';
import { openSource } from './copy/open-source.ts';
import { UnreadableFile } from './import/sources.ts';
import { addSettings, configurationOf } from './settings-options.ts';
import { codeSystemRelease } from './terminology/code-system.ts';
import { type Release, type Said, UnusableRelease } from './terminology/release.ts';
import { type Format, findSources, formats, type Source } from './terminology/sources.ts';
import { storeDefinition } from './terminology/store-definition.ts';

const taken = [
  'STORE_URL',
  'TIMEZONE',
  'AUDIT',
  'BASE_URL',
  'HOST',
  'PORT',
  'PROFILES',
  'REFERENTIAL_INTEGRITY',
] as const;

type Options = Readonly<Record<string, unknown>>;

export function terminologyCommand(): Command {
  const load = new Command('load')
    .description(
      'Load ICD-10-CM, ICD-10-PCS, LOINC and SNOMED CT as they are released, FHIR packages (.tgz), CodeSystems, ValueSets and ConceptMaps (.json).',
    )
    .argument('<paths...>', 'files, or folders with a release')
    .addOption(new Option('--format <format>', 'what the files are, where their names do not say it').choices(formats))
    .option('--url <url>', 'the url of the code system, in place of what is usual')
    .option('--version <version>', 'its version, in place of what the files say');
  const list = new Command('list').description(
    'The code systems that are loaded, and how many concepts each has; also beside a running server.',
  );
  const remove = new Command('remove')
    .description('Remove a code system that was loaded.')
    .argument('<url>', 'its url, with |version where several are loaded');
  return new Command('terminology')
    .description('Code systems that are too large for a resource.')
    .addCommand(addSettings(load, taken).action(loadPaths))
    .addCommand(addSettings(list, ['STORE_URL']).action(listSystems))
    .addCommand(addSettings(remove, taken).action(removeSystem));
}

async function loadPaths(paths: readonly string[], options: Options): Promise<void> {
  const sources = await findSources(paths, formatOf(options.format), saidIn(options)).catch((error: unknown) => {
    report(error);
    return [];
  });
  if (sources.length === 0) return;
  await withStore(options, async ({ context }) => {
    const counts = { systems: 0, concepts: 0, resources: 0 };
    const started = performance.now();
    const bar = progressBar(sources);
    try {
      for (const source of sources) {
        const status = await loadSource(context, source, counts, bar).then(
          () => 200,
          (error: unknown) => {
            bar.pause();
            report(error);
            return 400;
          },
        );
        noteFile(context, source.path, status);
      }
    } finally {
      bar.stop();
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${counts.concepts} concepts of ${counts.systems} code systems and ${counts.resources} resources in ${seconds} s.`,
    );
  });
}

interface Counts {
  systems: number;
  concepts: number;
  resources: number;
}

/** Loads what a source has. Of a package what can't be stored is told, and the rest goes on. */
async function loadSource(context: Context, source: Source, counts: Counts, bar: Bar): Promise<void> {
  if (source.kind === 'release') return loadRelease(context, source.release, counts, bar);
  for await (const definition of source.read((bytes) => bar.read(2 * bytes))) {
    const { path, resource, bytes } = definition;
    const release =
      resource.resourceType === 'CodeSystem' ? codeSystemRelease(path, resource, bytes.length) : undefined;
    try {
      if (release !== undefined) await loadRelease(context, { ...release, size: 0 }, counts, bar);
      else {
        await storeDefinition(context, definition);
        counts.resources += 1;
      }
    } catch (error) {
      bar.pause();
      report(error, path);
    }
  }
}

async function loadRelease(context: Context, release: Release, counts: Counts, bar: Bar): Promise<void> {
  const { system, path } = release;
  // It is read twice; only files of the release's own move the bar.
  const moves = release.size > 0;
  const read = async function* (only?: 'hierarchy') {
    for await (const some of release.read((bytes) => moves && bar.read(bytes), only)) {
      yield some;
      bar.show(some.length);
    }
  };
  try {
    counts.concepts += await context.store.terminology.load(system, read);
    // Servers of the same database keep what bindings have of it.
    await context.conformance.announce(context.newId);
    counts.systems += 1;
  } catch (error) {
    if (error instanceof UnusableConcepts) throw new UnusableRelease(`${path}: ${error.message}`);
    throw error;
  }
}

async function listSystems(options: Options): Promise<void> {
  // For reading only, so that a server may run on it.
  const store = await openSource(configurationOf(options).STORE_URL);
  try {
    const systems = await store.terminology.systems();
    if (systems.length === 0) console.log('No code systems are loaded.');
    for (const { url, version, title, count } of systems)
      console.log(`${nameOf(url, version)}  ${title}, ${count} concepts`);
  } finally {
    await store.close();
  }
}

async function removeSystem(named: string, options: Options): Promise<void> {
  await withStore(options, async ({ store, context }) => {
    const systems = await store.terminology.systems();
    const found = systems.filter(({ url, version }) => named === url || named === `${url}|${version}`);
    const [only, another] = found;
    if (only === undefined || another !== undefined) {
      const loaded = (another === undefined ? systems : found).map(({ url, version }) => nameOf(url, version));
      console.error(
        another === undefined
          ? `${named} is not loaded. Loaded are: ${loaded.join(', ') || 'none'}.`
          : `Which one? ${loaded.join(', ')}.`,
      );
      process.exitCode = 1;
      return;
    }
    await store.terminology.remove(only.url, only.version);
    await context.conformance.announce(context.newId);
    console.log(`${nameOf(only.url, only.version)} is removed.`);
  });
}

const nameOf = (url: string, version: string) => (version === '' ? url : `${url}|${version}`);

async function withStore(options: Options, act: (composed: Composed) => Promise<void>): Promise<void> {
  const configuration = { ...configurationOf(options), PROFILES_WATCH: 'off' as const };
  const composed = await compose(configuration, baseUrlOf(configuration, configuration.PORT), commandLog());
  try {
    await act(composed);
  } finally {
    await composed.close();
  }
}

function formatOf(given: unknown): Format | undefined {
  return formats.find((format) => format === given);
}

function saidIn({ url, version }: Options): Said {
  return {
    ...(typeof url === 'string' && { url }),
    ...(typeof version === 'string' && { version }),
  };
}

/** Tells what is wrong with files or their content. Throws what is wrong with anything else. */
function report(error: unknown, path?: string): void {
  const at = path === undefined ? '' : `${path}: `;
  if (error instanceof OutcomeError) console.error(at + error.issues.map(({ diagnostics }) => diagnostics).join(' '));
  else if (error instanceof UnusableRelease || error instanceof UnreadableFile || error instanceof UnusableConcepts)
    console.error(error.message);
  else throw error;
  process.exitCode = 1;
}

/** One record for each file stands for all that came from it, resources apart. */
function noteFile({ audit }: Context, path: string, status: number): void {
  const record = audit.record({
    call: {
      interaction: 'batch',
      method: 'POST',
      parameters: [],
      query: `file=${encodeURIComponent(path)}`,
      prefer: { return: undefined, handling: undefined },
      origin: { agent: 'command line', address: '', requestId: 'terminology' },
    },
    status,
    type: '',
    id: '',
    patient: '',
  });
  if (record !== undefined) audit.append(record);
}

type Bar = ReturnType<typeof progressBar>;

/** Bytes read of all files, each of which is read twice. */
function progressBar(sources: readonly Source[]) {
  const total = sources.reduce((sum, { size }) => sum + 2 * size, 0);
  const format = '{bar} {percentage}%  {concepts} concepts  {eta_formatted} left';
  const bar = new SingleBar({ format, barsize: 30, hideCursor: true, clearOnComplete: true, noTTYOutput: false });
  let done = 0;
  let concepts = 0;
  let shown = false;
  return {
    read: (bytes: number) => {
      done += bytes;
    },
    show: (more: number) => {
      concepts += more;
      if (!shown) bar.start(total, 0, { concepts: 0 });
      shown = true;
      bar.update(Math.min(done, total), { concepts: Math.round(concepts / 2) });
    },
    /** So that something else can be said. */
    pause: () => {
      if (shown) bar.stop();
      shown = false;
    },
    stop: () => bar.stop(),
  };
}
