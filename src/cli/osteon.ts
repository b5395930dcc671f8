#!/usr/bin/env node
/** The command line: one file for each command. https://hl7.org/fhir/R4/http.html */
import { Command } from 'commander';
import { ConfigurationError } from '../config.ts';
import { StoreUnavailable } from '../store/errors.ts';
import { software } from '../version.ts';
import { auditCommand } from './audit.ts';
import { backupCommand, restoreCommand } from './backup.ts';
import { checkCommand } from './check.ts';
import { copyCommand } from './copy.ts';
import { importCommand } from './import.ts';
import { profileCommand } from './profile.ts';
import { serveCommand } from './serve.ts';
import { withSettingNames } from './settings-options.ts';
import { terminologyCommand } from './terminology.ts';

const program = new Command('osteon')
  .description('A FHIR R4 server that starts with one command.')
  .version(software.version)
  // So that commands can have a --version of their own.
  .enablePositionalOptions()
  .showHelpAfterError('(osteon --help lists the commands)');
program.addCommand(serveCommand());
const others = [
  importCommand(),
  copyCommand(),
  terminologyCommand(),
  backupCommand(),
  restoreCommand(),
  checkCommand(),
  auditCommand(),
  profileCommand(),
];
for (const command of others) {
  program.addCommand(command);
}

try {
  await program.parseAsync(withSettingNames(process.argv));
} catch (error) {
  const expected = error instanceof ConfigurationError || error instanceof StoreUnavailable || isSystemError(error);
  if (!expected) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** A missing file, a port in use: the message says it all, a stack would say nothing. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
