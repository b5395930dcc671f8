/** Looks at everything the ledger tells, over HTTP, after a restart. https://hl7.org/fhir/R4/http.html#vread */
import { at, type Client, Violation } from './client.ts';
import { currentMarker, type Ledger, type Tracked } from './ledger.ts';

/** How many resources that were verified before are looked at again. */
const older = 20;

/** Throws Violation at the first thing that is lost, half done, or inconsistent; decides what was open. */
export async function verify(client: Client, ledger: Ledger): Promise<void> {
  // Transactions first, as a Patient's open write may be one's.
  for (const transaction of ledger.transactions.splice(0)) {
    const found = await client.find('Observation', 'urn:soak:marker', transaction.marker);
    if (found.length !== 0 && found.length !== transaction.observations)
      throw new Violation(`half a transaction: ${found.length} of ${transaction.observations} Observations`);
    if (transaction.acknowledged === true && found.length === 0)
      throw new Violation('an acknowledged transaction is gone');
    const patient = await client.find('Patient', 'urn:soak:marker', transaction.marker);
    const superseded = transaction.patient.versions.indexOf(transaction.marker);
    const isCurrent =
      currentMarker(transaction.patient) === transaction.marker && transaction.patient.open === undefined;
    if (transaction.acknowledged === undefined && patient.length !== (found.length === 0 ? 0 : 1))
      throw new Violation(`half a transaction: ${found.length} Observations, ${patient.length} Patients`);
    if (superseded >= 0 && isCurrent && patient.length !== 1)
      throw new Violation('the Patient of a transaction is not found');
  }
  for (const marker of ledger.openCreates.splice(0)) {
    const found = await client.find('Patient', 'urn:soak:marker', marker);
    if (found.length > 1) throw new Violation(`one create made ${found.length} Patients`);
    const [id] = found;
    if (id === undefined) continue;
    ledger.openDone += 1;
    ledger.patients.push({ id, versions: [marker], verified: false });
  }
  const known = ledger.patients.filter(({ verified }) => verified);
  const again = Array.from(
    { length: Math.min(older, known.length) },
    () => known[Math.floor(Math.random() * known.length)],
  );
  for (const tracked of [...ledger.patients.filter(({ verified }) => !verified), ...again])
    if (tracked !== undefined) await verifyPatient(client, ledger, tracked);
  for (const [value, told] of ledger.conditional) {
    const found = await client.find('Organization', 'urn:soak:once', value);
    if (found.length > 1) throw new Violation(`conditional creates made ${found.length} Organizations`);
    if (told.size > 1) throw new Violation(`conditional creates were told of ${told.size} Organizations`);
    if (told.size === 1 && !told.has(found[0] ?? ''))
      throw new Violation('a conditional create that was acknowledged is gone');
  }
  ledger.conditional.clear();
}

async function verifyPatient(client: Client, ledger: Ledger, tracked: Tracked): Promise<void> {
  const path = `/Patient/${tracked.id}`;
  const current = await client.must('GET', path);
  const before = tracked.versions.length;
  if (tracked.open !== undefined) {
    const { marker } = tracked.open;
    const done = marker === null ? current.status === 410 : markerOf(current.body) === marker;
    if (done) {
      tracked.versions.push(marker);
      ledger.openDone += 1;
    }
    tracked.open = undefined;
  }
  const marker = currentMarker(tracked);
  if (marker === undefined ? current.status !== 410 : markerOf(current.body) !== marker)
    throw new Violation(`${path}: ${current.status}, not its version ${tracked.versions.length}`);
  if (current.versionId !== tracked.versions.length)
    throw new Violation(`${path}: version ${current.versionId} instead of ${tracked.versions.length}`);
  for (const [index, expected] of tracked.versions.entries()) {
    // Versions that were verified once don't change: the newest ones and the first are enough then.
    if (tracked.verified && index > 0 && index < before - 2) continue;
    const version = await client.must('GET', `${path}/_history/${index + 1}`);
    if (expected === null ? version.status !== 410 : markerOf(version.body) !== expected)
      throw new Violation(`${path}/_history/${index + 1}: ${version.status}, not what was acknowledged`);
  }
  const history = await client.must('GET', `${path}/_history?_count=1000`);
  const entries = at(history.body, 'entry');
  const versions = Array.isArray(entries) ? entries.length : 0;
  if (versions !== Math.min(1000, tracked.versions.length))
    throw new Violation(`${path}/_history: ${versions} versions instead of ${tracked.versions.length}`);
  // The index has the current marker and none that it replaced.
  const [previous] = tracked.versions.slice(-2);
  if (marker !== undefined) await expectFound(client, marker, 1, tracked.id);
  if (previous !== undefined && previous !== null && previous !== marker)
    await expectFound(client, previous, 0, tracked.id);
  tracked.verified = true;
}

async function expectFound(client: Client, marker: string, count: number, id: string): Promise<void> {
  const found = await client.find('Patient', 'urn:soak:marker', marker);
  if (found.length !== count || (count === 1 && found[0] !== id))
    throw new Violation(`Patient/${id}: a search by its marker finds ${found.length} instead of ${count}`);
}

function markerOf(body: Parameters<typeof at>[0]): string | undefined {
  const marker = at(body, 'identifier', 0, 'value');
  return typeof marker === 'string' ? marker : undefined;
}
