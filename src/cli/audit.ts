/** `osteon audit verify`: whether every AuditEvent is as it was written. https://hl7.org/fhir/R4/security.html#audit */
import { Command } from 'commander';
import { verifyAudit } from '../store/sqlite/audit-verify.ts';
import { openForReading, pathOf } from '../store/sqlite/path.ts';
import { addSettings, configurationOf } from './settings-options.ts';

export function auditCommand(): Command {
  const verify = new Command('verify')
    .description(
      'Check the hash chains of the AuditEvents, also beside a running server. Status 1: something is wrong.',
    )
    .option(
      '--head <hash...>',
      'a head that the log or the metrics showed, as CHAIN:SEQUENCE:HASH or its hash: the chain must still contain it, so that a cut tail shows',
    );
  addSettings(verify, ['STORE_URL']).action(run);
  return new Command('audit').description('The trail of AuditEvents.').addCommand(verify);
}

async function run(options: Readonly<Record<string, unknown>>): Promise<void> {
  const db = openForReading(pathOf(configurationOf(options).STORE_URL));
  try {
    const heads = Array.isArray(options.head) ? options.head.map(String) : [];
    const found = await verifyAudit(db, { heads });
    const { events, batches, chains, first, fault } = found;
    console.log(`${events} events in ${batches} batches and ${chains} chains, from event ${first} on.`);
    for (const { process: chain, sequence, hash } of found.heads) {
      console.log(`head ${chain}:${sequence}:${hash}`);
    }
    if (fault === undefined) {
      console.log('All as written.');
      return;
    }
    const id = fault.id === undefined ? '' : ` (AuditEvent/${fault.id})`;
    console.error(`FAULTY from event ${fault.sequence}${id} of chain ${fault.process}: ${fault.text}`);
    process.exitCode = 1;
  } finally {
    db.close();
  }
}
