/** Flags of the same names as the environment variables: `--PORT 8081` and `--port 8081`. https://hl7.org/fhir/R4/http.html */
import { type Command, Option } from 'commander';
import { type Configuration, readConfiguration, settings } from '../config.ts';

const names = Object.keys(settings) as readonly (keyof Configuration)[];

/** `BASE_URL` as a flag: `base-url`. */
const flagOf = (name: string) => name.toLowerCase().replaceAll('_', '-');

/** Adds a flag for each of these settings. */
export function addSettings(command: Command, wanted: readonly (keyof Configuration)[] = names): Command {
  for (const name of wanted) {
    const { about, default: value } = settings[name];
    const shown = value === '' ? '' : ` Default: ${value}.`;
    command.addOption(new Option(`--${flagOf(name)} <value>`, about + shown));
  }
  return command;
}

/** The configuration of the environment and a command's flags. Throws ConfigurationError. */
export function configurationOf(options: Readonly<Record<string, unknown>>): Configuration {
  const flags: Record<string, string> = {};
  for (const name of names) {
    const camel = flagOf(name).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const value = options[camel];
    if (typeof value === 'string') flags[name] = value;
  }
  return readConfiguration(process.env, flags);
}

/** Arguments in which `--BASE_URL` is written `--base-url`. */
export function withSettingNames(argv: readonly string[]): string[] {
  return argv.map((argument) => argument.replace(/^--([A-Z][A-Z_]*)(?==|$)/, (_, name: string) => `--${flagOf(name)}`));
}
