/** Puts the parts of the MongoDB store together. https://hl7.org/fhir/R4/http.html */
import type { Parameter } from '../../search/criteria.ts';
import type { SimpleValue } from '../../search/entry.ts';
import type { AuditLog } from '../audit-log.ts';
import type { SharedStore } from '../shared.ts';
import { AuditAppender, auditIndexes } from './audit-append.ts';
import { AuditChains, type OnAuditHead } from './audit-chain.ts';
import { MongoAuditLog } from './audit-log.ts';
import { Bodies, projection } from './bodies.ts';
import { Clock } from './clock.ts';
import { Committer } from './commit.ts';
import { countResources } from './counts.ts';
import { distinctValues } from './distinct.ts';
import { type CurrentDocument, names } from './document.ts';
import { Files } from './files.ts';
import { FillingSteps } from './filling.ts';
import { guardIndexes } from './guards.ts';
import { Histories } from './history.ts';
import type { WantedIndex } from './index-plan.ts';
import { Indexes, type IndexesOptions } from './indexes.ts';
import { Integrity } from './integrity.ts';
import { type LeaseDocument, Leases } from './leases.ts';
import { KeyLocks } from './locks.ts';
import { prepareMeta } from './meta.ts';
import { Notes, noteIndexes } from './notes.ts';
import type { Connection } from './open.ts';
import { Orphans } from './orphans.ts';
import { MongoParameterIndex } from './parameter-index.ts';
import { Processes, takeNumber } from './processes.ts';
import { PointReads } from './read.ts';
import { ReadTransactions } from './read-transactions.ts';
import { Searcher } from './search.ts';
import { Snapshots } from './snapshots.ts';
import { moveAll } from './standalone.ts';
import type { TerminologyParts } from './terminology.ts';
import { conceptIndexes } from './terminology-documents.ts';
import { TerminologyReads } from './terminology-read.ts';
import { TerminologyWrites } from './terminology-write.ts';
import { makeCollection, Types } from './types.ts';
import { Upkeep } from './upkeep.ts';

export interface PartsOptions {
  /** Milliseconds since 1970; the system's clock unless a test gives one. */
  readonly clock?: () => number;
  /** Milliseconds for which a walk of pages can go on. */
  readonly cursorLifetime: number;
  /** The time zone that dates without one were indexed with; the store records it. */
  readonly timezone: string;
  /** What else entries depend on, as its owner spells it; the store records it for whoever checks them. */
  readonly extraction?: string;
  /** Milliseconds after which audit records are removed; absent: never. */
  readonly auditRetention?: number;
  /** Resources of other types that a criterion may list. */
  readonly most?: number;
  /** How indexes on what is searched are made. */
  readonly indexes?: IndexesOptions;
  /** Hears that another process has this one's number, which counted as dead, and which one it goes on with. */
  readonly onNumber?: (lost: number, taken: number) => void;
  /** Hears of the newest hash (hexadecimal) of this process's audit chain, once a minute and at the end. */
  readonly onAuditHead?: OnAuditHead;
}

/** The store's own collections, and the indexes that they always have. */
const ownCollections: ReadonlyMap<string, readonly WantedIndex[]> = new Map([
  [names.notes, noteIndexes],
  [names.guards, guardIndexes],
  [names.audit, auditIndexes],
  [names.seals, []],
  [names.leases, []],
  [names.codeSystems, []],
  [names.conceptSets, []],
  [names.concepts, conceptIndexes],
]);
/** Milliseconds for which an index isn't made because something is read. */
const indexPatience = 60_000;

type SearchParameters = readonly { readonly id: string; readonly body: Uint8Array }[];

/** What the store's calls go to. */
export interface Opened {
  readonly connection: Connection;
  readonly secret: Uint8Array;
  readonly reads: PointReads;
  readonly histories: Histories;
  readonly searcher: Searcher;
  readonly committer: Committer;
  readonly notes: Notes;
  readonly audit: AuditLog;
  readonly parameters: MongoParameterIndex;
  readonly processes: Processes;
  readonly shared: SharedStore;
  readonly terminology: TerminologyParts;
  readonly indexes: Indexes;
  readonly upkeep: Upkeep;
  readonly counts: () => Promise<ReadonlyMap<string, number>>;
  readonly values: (parameter: Parameter) => Promise<readonly SimpleValue[]>;
  /** The current SearchParameter resources, the oldest change first. */
  readonly searchParameters: () => Promise<SearchParameters>;
  readonly close: () => Promise<void>;
}

/** @throws StoreUnavailable where the store is of a newer release or another time zone, or has no room for a process more. */
export async function openParts(connection: Connection, options: PartsOptions): Promise<Opened> {
  const { db } = connection;
  const { cursorLifetime, timezone, extraction, auditRetention, onAuditHead } = options;
  const now = options.clock ?? Date.now;
  const { secret } = await prepareMeta(db, timezone, extraction);
  for (const [name, indexes] of ownCollections) await makeCollection(db, name, indexes);
  const types = new Types(db);
  const leased = await takeNumber(db);
  const clock = new Clock(now, leased.number);
  const confirm = () => processes.confirm();
  const chains = new AuditChains(db, clock, confirm, onAuditHead);
  const appender = new AuditAppender(db, clock, confirm);
  const audit = new MongoAuditLog(db, appender, chains);
  const newest = async () => Math.max(await types.newest(await types.known()), await audit.last());
  const processes: Processes = new Processes(db, leased, clock, {
    newest,
    onNumber: options.onNumber,
    generation: () => parameters.settledGeneration,
    onBeat: async () => {
      await parameters.look();
      await chains.seal();
      chains.tell(false);
    },
  });
  const files = new Files(db);
  const bodies = new Bodies(files);
  const steps = new FillingSteps(db, types, bodies, () => parameters.fields);
  const parameters = await MongoParameterIndex.open(db, {
    steps,
    follow: (generation) => processes.follow(generation),
  });
  clock.observe(await newest());
  if (!connection.transactions) await moveAll(db, types, appender);
  const { fields } = parameters;
  const snapshots = new Snapshots(clock, processes, types);
  const transactions = new ReadTransactions(connection.client, async (deadline) => {
    if (connection.sharded) await types.hearOfAllShards(deadline);
  });
  const indexes = new Indexes(
    db,
    {
      always: async () => new Map([...ownCollections, ...(await types.indexes())]),
      atRest: () => transactions.over(indexPatience),
    },
    options.indexes,
  );
  const searcher = new Searcher(
    { connection, transactions, fields, types, bodies, snapshots, clock: now, cursorLifetime },
    {
      uses: (type, path) => indexes.uses(type, path),
      ...(options.most === undefined ? {} : { most: options.most }),
    },
  );
  const notes = new Notes(db, now);
  const committer = new Committer({
    connection,
    types,
    clock,
    processes,
    fields,
    bodies,
    files,
    locks: new KeyLocks(),
    notes,
    integrity: new Integrity(db, types),
    audit: appender,
    matches: ({ type, criterion, limit }, session) => searcher.matches(type, criterion, limit, session),
  });
  const leases = new Leases(db.collection<LeaseDocument>(names.leases), { holder: leased.owner });
  const reads = new TerminologyReads(db);
  const onChange = () => reads.renew();
  const terminology = { reads, writes: new TerminologyWrites(db, { alone: () => processes.alone, leases, onChange }) };
  const upkeep = new Upkeep(
    db,
    types,
    { notes, terminology: terminology.writes, files: new Orphans(db, { files, leases }) },
    { clock: now, cursorLifetime, auditRetention },
  );
  const searchParameters = async () => {
    const found = db
      .collection<CurrentDocument>('SearchParameter')
      .find({ deleted: { $exists: false } }, { projection })
      .sort({ change: 1 });
    const resources: { readonly id: string; readonly body: Uint8Array }[] = [];
    for await (const document of found) {
      const body = await bodies.bytesOf(document);
      if (body !== undefined) resources.push({ id: document._id, body });
    }
    return resources;
  };
  const shared: SharedStore = {
    alone: (name, act) => leases.alone(name, act),
    ifAlone: (name, act) => leases.ifAlone(name, act),
    onParameters: (changed) => parameters.onForeignChange(changed),
    renewParameters: async () => ((await parameters.renew()) ? searchParameters() : undefined),
  };
  return {
    connection,
    secret,
    reads: new PointReads(db, bodies),
    histories: new Histories(db, types, snapshots, bodies, now),
    searcher,
    committer,
    notes,
    audit,
    parameters,
    processes,
    shared,
    terminology,
    indexes,
    upkeep,
    counts: () => countResources(connection, types),
    values: (parameter) => distinctValues(db, fields, parameter),
    searchParameters,
    close: async () => {
      try {
        await indexes.close();
        await upkeep.close();
        await chains.seal();
        chains.tell(true);
        await processes.close();
      } finally {
        // Where no server answers, the client's look for one would keep the process from ending.
        await connection.client.close();
      }
    },
  };
}
