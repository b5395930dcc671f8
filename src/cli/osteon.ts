#!/usr/bin/env node
/** The command line: one file for each command. https://hl7.org/fhir/R4/http.html */
import { Command } from 'commander';
import { ConfigurationError } from '../config.ts';
import { StoreUnavailable } from '../store/errors.ts';
import { software } from '../version.ts';
import { importCommand } from './import.ts';
import { serveCommand } from './serve.ts';
import { withSettingNames } from './settings-options.ts';

const program = new Command('osteon')
  .description('A FHIR R4 server that starts with one command.')
  .version(software.version)
  .showHelpAfterError('(osteon --help lists the commands)');
program.addCommand(serveCommand());
program.addCommand(importCommand());

try {
  await program.parseAsync(withSettingNames(process.argv));
} catch (error) {
  if (!(error instanceof ConfigurationError) && !(error instanceof StoreUnavailable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
