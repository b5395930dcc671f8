/** `osteon audit verify`: whether every AuditEvent is as it was written. https://hl7.org/fhir/R4/security.html#audit */
import { Command } from 'commander';
import type { AuditVerification } from '../store/audit-verification.ts';
import { verifyAudit } from '../store/sqlite/audit-verify.ts';
import { openForReading, pathOf } from '../store/sqlite/path.ts';
import { storeKind } from '../store/url.ts';
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
  const given = Array.isArray(options.head) ? options.head.map(String) : [];
  const found = await verified(configurationOf(options).STORE_URL, given);
  const { events, batches, chains, first, fault, heads } = found;
  console.log(`${events} events in ${batches} batches and ${chains} chains, from event ${first} on.`);
  for (const { process: chain, sequence, hash } of heads) console.log(`head ${chain}:${sequence}:${hash}`);
  if (fault === undefined) {
    console.log('All as written.');
    return;
  }
  const id = fault.id === undefined ? '' : ` (AuditEvent/${fault.id})`;
  // Of a head that was given as its hash alone no chain is known.
  const chain = fault.process === '' ? '' : ` of chain ${fault.process}`;
  console.error(`FAULTY from event ${fault.sequence}${id}${chain}: ${fault.text}`);
  process.exitCode = 1;
}

async function verified(url: string, heads: readonly string[]): Promise<AuditVerification> {
  if (storeKind(url) === 'mongodb') {
    const { verifyDatabase } = await import('../store/mongo/audit-verify.ts');
    return verifyDatabase(url, { heads });
  }
  const db = openForReading(pathOf(url));
  try {
    return await verifyAudit(db, { heads });
  } finally {
    db.close();
  }
}
