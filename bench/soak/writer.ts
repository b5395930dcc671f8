/** One writer of the soak test: random interactions on resources of its own until the server dies. https://hl7.org/fhir/R4/http.html */
import { at, type Client, type Json, Violation } from './client.ts';
import type { Ledger, Tracked } from './ledger.ts';

/** Writes until `stopped` says so or no answer comes. Throws Violation at an answer that can't be right. */
export async function write(client: Client, ledger: Ledger, name: string, stopped: () => boolean): Promise<void> {
  const own: Tracked[] = [];
  let count = 0;
  const marker = (): string => {
    count += 1;
    return `${name}-${count}`;
  };
  while (!stopped()) {
    const chance = Math.random();
    const mine = own[Math.floor(Math.random() * own.length)];
    let alive: boolean;
    if (mine === undefined || chance < 0.25) alive = await create(client, ledger, own, marker());
    else if (chance < 0.55) alive = await update(client, ledger, mine, marker());
    else if (chance < 0.65) alive = await remove(client, ledger, mine);
    else if (chance < 0.85) alive = await transact(client, ledger, mine, marker());
    else alive = await createOnCondition(client, ledger, `${Math.floor(Date.now() / 50)}`);
    if (!alive) return;
  }
}

function patient(marker: string, id?: string): Json {
  return {
    resourceType: 'Patient',
    ...(id === undefined ? {} : { id }),
    identifier: [{ system: 'urn:soak:marker', value: marker }],
    name: [{ family: 'Soak', given: [marker] }],
  };
}

function expectStatus(what: string, status: number, ...allowed: readonly number[]): void {
  if (!allowed.includes(status)) throw new Violation(`${what}: ${status} instead of ${allowed.join(' or ')}`);
}

async function create(client: Client, ledger: Ledger, own: Tracked[], marker: string): Promise<boolean> {
  const answered = await client.ask('POST', '/Patient', patient(marker));
  if (answered === undefined) {
    ledger.openCreates.push(marker);
    ledger.open += 1;
    return false;
  }
  expectStatus('create', answered.status, 201);
  const id = /\/Patient\/([^/]+)/.exec(answered.location ?? '')?.[1];
  if (id === undefined) throw new Violation('create: no Location');
  const tracked: Tracked = { id, versions: [marker], verified: false };
  own.push(tracked);
  ledger.patients.push(tracked);
  ledger.acknowledged += 1;
  return true;
}

async function update(client: Client, ledger: Ledger, mine: Tracked, marker: string): Promise<boolean> {
  mine.open = { marker };
  mine.verified = false;
  const answered = await client.ask('PUT', `/Patient/${mine.id}`, patient(marker, mine.id));
  if (answered === undefined) {
    ledger.open += 1;
    return false;
  }
  expectStatus('update', answered.status, mine.versions.at(-1) === null ? 201 : 200);
  acknowledge(ledger, mine, marker, answered.versionId);
  return true;
}

async function remove(client: Client, ledger: Ledger, mine: Tracked): Promise<boolean> {
  if (mine.versions.at(-1) === null) return true;
  mine.open = { marker: null };
  mine.verified = false;
  const answered = await client.ask('DELETE', `/Patient/${mine.id}`);
  if (answered === undefined) {
    ledger.open += 1;
    return false;
  }
  expectStatus('delete', answered.status, 200, 204);
  acknowledge(ledger, mine, null, answered.versionId);
  return true;
}

function acknowledge(ledger: Ledger, mine: Tracked, marker: string | null, versionId: number | undefined): void {
  mine.open = undefined;
  mine.versions.push(marker);
  ledger.acknowledged += 1;
  if (versionId !== undefined && versionId !== mine.versions.length)
    throw new Violation(`Patient/${mine.id}: version ${versionId} instead of ${mine.versions.length}`);
}

async function transact(client: Client, ledger: Ledger, mine: Tracked, marker: string): Promise<boolean> {
  const observations = 2 + Math.floor(Math.random() * 12);
  const entry: Json[] = Array.from({ length: observations }, (_, index) => ({
    resource: {
      resourceType: 'Observation',
      identifier: [{ system: 'urn:soak:marker', value: marker }],
      status: 'final',
      code: { text: 'soak' },
      subject: { reference: `Patient/${mine.id}` },
      valueInteger: index,
    },
    request: { method: 'POST', url: 'Observation' },
  }));
  entry.push({ resource: patient(marker, mine.id), request: { method: 'PUT', url: `Patient/${mine.id}` } });
  mine.open = { marker };
  mine.verified = false;
  const tracked = { marker, observations, patient: mine, acknowledged: undefined as boolean | undefined };
  ledger.transactions.push(tracked);
  const answered = await client.ask('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
  if (answered === undefined) {
    ledger.open += 1;
    return false;
  }
  expectStatus('transaction', answered.status, 200);
  tracked.acknowledged = true;
  const etag = /"(\d+)"/.exec(String(at(answered.body, 'entry', observations, 'response', 'etag')))?.[1];
  acknowledge(ledger, mine, marker, etag === undefined ? undefined : Number(etag));
  return true;
}

/** Several writers do this with the same value at once: there must be one resource in the end. */
async function createOnCondition(client: Client, ledger: Ledger, value: string): Promise<boolean> {
  const told = ledger.conditional.get(value) ?? new Set<string>();
  ledger.conditional.set(value, told);
  const resource: Json = {
    resourceType: 'Organization',
    identifier: [{ system: 'urn:soak:once', value }],
    name: value,
  };
  const answered = await client.ask('POST', '/Organization', resource, {
    'If-None-Exist': `identifier=urn:soak:once|${value}`,
  });
  if (answered === undefined) {
    ledger.open += 1;
    return false;
  }
  expectStatus('conditional create', answered.status, 201, 200);
  const id = /\/Organization\/([^/]+)/.exec(answered.location ?? '')?.[1];
  if (id === undefined) throw new Violation('conditional create: no Location');
  told.add(id);
  ledger.acknowledged += 1;
  return true;
}
