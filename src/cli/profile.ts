/** `osteon profile new`: the folder of a research case from a table of its columns. https://hl7.org/fhir/R4/profiling.html */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { ConfigurationError } from '../config.ts';
import { loadDefinitions } from '../fhir/definitions/definitions.ts';
import { readProfiles } from '../jobs/profile-files.ts';
import { searchedTypes } from '../search/definition.ts';
import { ColumnsError, readColumns } from './profile/columns.ts';
import { filesOf } from './profile/folder.ts';
import { columnsOf, libraryOf } from './profile/library.ts';
import { canonicalOf, titleOf } from './profile/names.ts';
import { planCase } from './profile/plan.ts';

/** The folder below `--into` whose fields and outcome measures cases have in common. */
const shared = 'shared';

export function profileCommand(): Command {
  const create = new Command('new')
    .description('Write the folder of a research case: profile, extensions, value sets, search parameters, examples.')
    .argument('<name>', 'what the case is called, in small letters, digits and -: e.g. ankle-fracture')
    .requiredOption(
      '--columns <file>',
      'CSV with name, type, required, allowed_values, unit, and if wanted description, code, times, repeats',
    )
    .option('--into <directory>', 'where the folder is made', 'profiles/research-case')
    .option('--title <text>', 'what people call it; by default made of the name')
    .action(createProfile);
  return new Command('profile').description('Profiles of research cases.').addCommand(create);
}

interface Options {
  readonly columns: string;
  readonly into: string;
  readonly title?: string;
}

function createProfile(name: string, { columns, into, title = titleOf(name) }: Options): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 22) {
    throw new ConfigurationError(`${name} is no name: up to 22 small letters, digits and single -, first a letter.`);
  }
  const folder = join(into, name);
  if (existsSync(folder)) throw new ConfigurationError(`${folder} is there already; nothing was written.`);
  const text = readFileSync(columns, 'utf8');
  const filed = readProfiles(into);
  const library = libraryOf(filed, shared);
  const defined = library.canonicals.get(canonicalOf('StructureDefinition', name));
  if (defined !== undefined)
    throw new ConfigurationError(`${name} is what ${join(into, defined)} defines; choose another name.`);
  const taken = new Set(
    ['research-case', 'research-patient', 'case-encounter', 'research-surgeon'].flatMap((id) => {
      const found = filed.find(({ resource }) => resource.url === canonicalOf('StructureDefinition', id));
      if (found === undefined)
        throw new ConfigurationError(`${join(into, shared)} lacks the profile ${id}, which cases are made on.`);
      return columnsOf(found.resource);
    }),
  );
  const definitions = loadDefinitions();
  const codes = new Set(
    definitions.searchParameters
      .filter(({ base }) => searchedTypes(base, definitions).includes('Procedure'))
      .map(({ code }) => code),
  );
  const files = planned(columns, () =>
    filesOf(planCase({ id: name, title, columns: readColumns(text), library, taken, codes })),
  );
  for (const file of [{ path: 'columns.csv', text }, ...files]) {
    const path = join(folder, file.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.text);
  }
  console.log(`${folder}: ${files.length + 1} files. Profile ${canonicalOf('StructureDefinition', name)}.`);
  console.log(
    'Its README.md says what a row becomes. A server takes it in at once in development, in production when it starts.',
  );
}

/** Runs what reads columns; an error names their file. */
function planned<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ColumnsError) throw new ConfigurationError(`${file}: ${error.message}`);
    throw error;
  }
}
