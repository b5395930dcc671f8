#!/usr/bin/env node
/** The command line: one file for each command. https://hl7.org/fhir/R4/http.html */
import { Command } from 'commander';
import { ConfigurationError } from '../config.ts';
import { StoreUnavailable } from '../store/errors.ts';
import { software } from '../version.ts';
import { withSettingNames } from './settings-options.ts';

/** The commands by name, in the order of `--help`. The one that is named is loaded without what only others need. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand(),
  import: async () => (await import('./import.ts')).importCommand(),
  copy: async () => (await import('./copy.ts')).copyCommand(),
  terminology: async () => (await import('./terminology.ts')).terminologyCommand(),
  backup: async () => (await import('./backup.ts')).backupCommand(),
  restore: async () => (await import('./backup.ts')).restoreCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  audit: async () => (await import('./audit.ts')).auditCommand(),
  profile: async () => (await import('./profile.ts')).profileCommand(),
};

const program = new Command('osteon')
  .description('A FHIR R4 server that starts with one command.')
  .version(software.version)
  // So that commands can have a --version of their own.
  .enablePositionalOptions()
  .showHelpAfterError('(osteon --help lists the commands)');
const named = Object.entries(commands).filter(([name]) => name === process.argv[2]);
for (const [, load] of named.length > 0 ? named : Object.entries(commands)) program.addCommand(await load());

try {
  await program.parseAsync(withSettingNames(process.argv));
} catch (error) {
  const expected = error instanceof ConfigurationError || error instanceof StoreUnavailable || isSystemError(error);
  if (!expected) throw error;
  console.error(messageOf(error));
  process.exitCode = 1;
}

/** A missing file, a port in use: the message says it all, a stack would say nothing. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** `ENOENT: no such file or directory, stat …` is said in words; the other messages are sentences already. */
function messageOf(error: Error): string {
  const missing = 'code' in error && error.code === 'ENOENT' && 'path' in error;
  return missing ? `There is no file or folder ${String(error.path)}.` : error.message;
}
