/**
 * Commits: everything is computed first, then written in one transaction. https://hl7.org/fhir/R4/http.html#transaction
 */
import { type ClientSession, MongoServerError, type ObjectId } from 'mongodb';
import { Conflict, IntegrityViolation, Unsupported } from '../errors.ts';
import { makePace } from '../pace.ts';
import type { Commit, Committed, Condition, Write, Written } from '../write.ts';
import type { AuditAppender } from './audit-append.ts';
import type { Bodies } from './bodies.ts';
import { byType } from './by-type.ts';
import { type Changes, type Commands, changesOf, commandsOf, filesOf, makeChanges, wereMade } from './changes.ts';
import type { Block, Clock } from './clock.ts';
import type { CurrentDocument } from './document.ts';
import type { Fields } from './fields.ts';
import type { Files } from './files.ts';
import {
  guardsOfCondition,
  guardsOfEntries,
  guardsOfStored,
  newestTouch,
  referredGuards,
  referrerGuard,
  slotOf,
  touch,
} from './guards.ts';
import type { Integrity } from './integrity.ts';
import type { KeyLocks } from './locks.ts';
import type { Notes } from './notes.ts';
import type { Connection } from './open.ts';
import { type Current, type Plan, type Planned, planOf } from './plan.ts';
import { type Prepared, prepare } from './prepare.ts';
import type { Processes } from './processes.ts';
import { makeEach, makeOne, requireOne } from './standalone.ts';
import { inTransaction, Outdated, type Try } from './transaction.ts';
import type { Types } from './types.ts';

/** Logical ids of current matches, at most `limit`, sorted; in a transaction. */
export type Matches = (
  condition: Pick<Condition, 'type' | 'criterion' | 'limit'>,
  session: ClientSession | undefined,
) => Promise<readonly string[]>;

export interface CommitSurroundings {
  readonly connection: Connection;
  readonly types: Types;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly fields: Fields;
  readonly bodies: Bodies;
  readonly files: Files;
  readonly locks: KeyLocks;
  readonly notes: Notes;
  readonly integrity: Integrity;
  readonly audit: AuditAppender;
  readonly matches: Matches;
}

/** Writes of a transaction at most: half as many take a dozen seconds of the minute on a slow server. */
const mostWrites = 50_000;
const duplicateKey = 11000;

export class Committer {
  readonly #around: CommitSurroundings;

  constructor(around: CommitSurroundings) {
    this.#around = around;
  }

  /** See `Store.commit`. */
  async commit(commit: Commit): Promise<Committed> {
    const { writes, conditions, audit, notes = [] } = commit;
    const prepared = await this.#prepare(writes);
    if (writes.length + conditions.length + audit.length + notes.length === 0) return { written: [] };
    const { types, locks, connection } = this.#around;
    for (const type of new Set(writes.map(({ type }) => type))) await types.ensure(type);
    const locked = this.#locksOf(commit);
    const release = await locks.acquire(locked);
    try {
      // What was never there can't be told from what is there without a look, but few posts name an id that is taken.
      let optimistic = true;
      if (!connection.transactions) return await this.#withoutTransaction(commit, prepared);
      return await inTransaction(connection.client, async () => {
        const one = await this.#attempt(commit, prepared, locked, optimistic);
        optimistic = false;
        return one;
      });
    } finally {
      release();
    }
  }

  async #prepare(writes: readonly Write[]): Promise<readonly (Prepared | undefined)[]> {
    const prepared: (Prepared | undefined)[] = [];
    const rest = makePace();
    for (const write of writes) {
      prepared.push(write.kind === 'put' ? prepare(write, this.#around.fields) : undefined);
      await rest();
    }
    return prepared;
  }

  /** What commits of this process would meet at. */
  #locksOf({ writes, conditions, mustExist = [], mustBeUnreferenced = [] }: Commit): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const condition of conditions) for (const id of guardsOfCondition(condition)) keys.add(id);
    for (const write of writes) {
      keys.add(`${write.type}/${write.id}`);
      if (write.kind === 'put') for (const id of guardsOfEntries(write.type, write.entries)) keys.add(id);
    }
    for (const key of mustBeUnreferenced) for (const id of referredGuards(key)) keys.add(id);
    for (const key of mustExist) keys.add(referrerGuard(key));
    const { clock, locks } = this.#around;
    for (const type of new Set(writes.map(({ type }) => type))) keys.add(slotOf(type, clock.process, locks, keys));
    return keys;
  }

  async #attempt(
    commit: Commit,
    prepared: readonly (Prepared | undefined)[],
    locked: ReadonlySet<string>,
    optimistic: boolean,
  ): Promise<Try<Committed>> {
    const { clock, files, connection, processes } = this.#around;
    const { writes, conditions, audit, notes = [] } = commit;
    const currents = await this.#load(writes, optimistic);
    const plan = planOf(writes, prepared, (write) => currents.get(keyOf(write)), commit.times);
    if (plan.failure !== undefined && conditions.length === 0) throw plan.failure;
    const effective = plan.planned.filter(({ outcome }) => outcome !== 'unchanged');
    requireFeasible(effective.length);
    const { mustExist = [], mustBeUnreferenced = [] } = commit;
    const work = effective.length + conditions.length + audit.length + notes.length;
    if (work + mustExist.length + mustBeUnreferenced.length === 0) {
      return { attempt: undefined, result: resultOf(plan.planned, undefined), over: async () => undefined };
    }
    // Only now, since loading may take so long that the process would count as idle again.
    await processes.committing();
    const block = this.#begin(effective, audit.length);
    let erased: readonly ObjectId[] = [];
    let changes: Changes = { changes: [], files: [] };
    let commands: Commands = { commands: [], erased: [] };
    try {
      changes = await changesOf(effective, block, files);
      commands = await commandsOf(connection.db, changes.changes, block);
      erased = await this.#erasedFiles(effective);
    } catch (error) {
      clock.end(block);
      throw error;
    }
    return {
      attempt: {
        body: (session) => this.#body({ commit, plan, changes, commands, block, locked }, session),
        tookEffect:
          changes.changes.length === 0
            ? () => this.#around.audit.has(audit, block)
            : () => wereMade(connection.db, changes.changes, block),
      },
      result: resultOf(plan.planned, block),
      over: async (outcome) => {
        clock.end(block);
        if (outcome === 'done') await files.remove(erased);
        if (outcome === 'failed') await files.remove(changes.files);
      },
    };
  }

  /** Takes numbers for writes and AuditEvents. */
  #begin(effective: readonly Planned[], records: number): Block {
    const { clock, types } = this.#around;
    const block = clock.begin(effective.length + records);
    for (const { write } of effective) if (write.kind === 'erase') types.erasing(write.type, block.first);
    return block;
  }

  /**
   * The same of one write at most, or of the writes of a copy, on a server without transactions; conditions hold within
   * this process.
   */
  async #withoutTransaction(commit: Commit, prepared: readonly (Prepared | undefined)[]): Promise<Committed> {
    const { connection, clock, files, integrity, audit, notes, processes } = this.#around;
    const { writes, conditions, mustExist = [], mustBeUnreferenced = [] } = commit;
    for (;;) {
      const currents = await this.#load(writes, false);
      const plan = planOf(writes, prepared, (write) => currents.get(keyOf(write)), commit.times);
      await this.#checkConditions(conditions, undefined);
      if (plan.failure !== undefined) throw plan.failure;
      const effective = plan.planned.filter(({ outcome }) => outcome !== 'unchanged');
      const copied = commit.times !== undefined;
      if (!copied) requireOne(effective.length);
      const [only] = effective;
      const put = plan.planned.filter(({ write }) => write.kind === 'put').map(({ write }) => keyOf(write));
      const others = mustExist.filter((key) => !put.includes(`${key.type}/${key.id}`));
      if (only !== undefined && only.write.kind !== 'put') {
        const missing = others.find((key) => `${key.type}/${key.id}` === keyOf(only.write));
        if (missing !== undefined) throw new IntegrityViolation('missing', missing, []);
      }
      await integrity.mustExist(others, undefined);
      await integrity.mustBeUnreferenced(mustBeUnreferenced, undefined, only?.write);
      await processes.committing();
      const block = this.#begin(effective, commit.audit.length);
      let written: Changes['files'] = [];
      try {
        const erased = await this.#erasedFiles(effective);
        const { changes, files: fresh } = await changesOf(effective, block, files);
        written = fresh;
        const [change] = changes;
        if (copied) await makeEach(connection.db, changes, block, audit);
        if (copied || change === undefined) await audit.write(commit.audit, block, changes.length);
        else await makeOne(connection.db, change, commit.audit, block, audit);
        await notes.keep(commit.notes ?? []);
        await files.remove(erased);
        return resultOf(plan.planned, block);
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
        // Of a copy some may be in use; those that aren't go after an hour.
        if (!copied) await files.remove(written);
      } finally {
        clock.end(block);
      }
    }
  }

  async #body({ commit, plan, changes, commands, block, locked }: Work, session: ClientSession): Promise<void> {
    const { connection, integrity, audit, notes } = this.#around;
    const { conditions, mustExist = [], mustBeUnreferenced = [] } = commit;
    const guards = new Set([...locked].filter((key) => key.includes('|')));
    for (const id of this.#guardsBefore(plan.planned)) guards.add(id);
    await this.#touch(guards, block, session);
    await this.#checkConditions(conditions, session);
    if (plan.failure !== undefined) throw plan.failure;
    await this.#checkUnchanged(plan.planned, session);
    await makeChanges(connection.db, commands, session);
    await integrity.mustExist(mustExist, session);
    await integrity.mustBeUnreferenced(mustBeUnreferenced, session);
    await audit.write(commit.audit, block, changes.changes.length, session);
    await notes.keep(commit.notes ?? [], session);
    await this.#around.processes.committing();
    if (this.#around.processes.isLost(block.first)) throw new Outdated();
  }

  async #touch(guards: ReadonlySet<string>, block: Block, session: ClientSession): Promise<void> {
    const { connection, clock } = this.#around;
    try {
      await touch(connection.db, guards, block.first, session);
    } catch (error) {
      // Another process's commit that came before has a greater number: with a greater one still, it is tried again.
      if (error instanceof MongoServerError && error.code === duplicateKey) {
        clock.observe(await newestTouch(connection.db, guards));
        throw new Outdated();
      }
      throw error;
    }
  }

  async #checkConditions(conditions: readonly Condition[], session: ClientSession | undefined): Promise<void> {
    for (const [index, condition] of conditions.entries()) {
      const found = await this.#around.matches(condition, session);
      const { matches } = condition;
      if (found.length !== matches.length || found.some((id, n) => id !== matches[n])) {
        throw new Conflict('condition', index);
      }
    }
  }

  /** That what needed no change beside others still needs none. */
  async #checkUnchanged(planned: readonly Planned[], session: ClientSession): Promise<void> {
    const unchanged = planned.flatMap(({ outcome, current }, n) =>
      outcome === 'unchanged' && current !== undefined ? [{ n, document: current.document }] : [],
    );
    for (const [type, of] of byType(unchanged, ({ n }) => planned[n]?.write.type ?? '')) {
      const filter = { $or: of.map(({ document: { _id, change } }) => ({ _id, change })) };
      const options = { session, projection: { _id: 1 } };
      const found = await this.#around.connection.db.collection<CurrentDocument>(type).find(filter, options).toArray();
      if (found.length !== of.length) throw new Outdated();
    }
  }

  /** Current documents of written resources, by `Type/id`. `optimistic`: posts are taken to be new. */
  async #load(writes: readonly Write[], optimistic: boolean): Promise<ReadonlyMap<string, Current>> {
    const { connection, bodies, clock } = this.#around;
    const asked = writes.filter(
      (write) => !(optimistic && write.kind === 'put' && write.method === 'POST' && write.precondition === undefined),
    );
    const loaded = new Map<string, Current>();
    for (const [type, of] of byType(asked, (write) => write.type)) {
      const compared = new Set(of.flatMap((write) => (write.kind === 'put' ? [write.id] : [])));
      const cursor = connection.db.collection<CurrentDocument>(type).find({ _id: { $in: of.map(({ id }) => id) } });
      for await (const document of cursor) {
        const bytes = compared.has(document._id) ? await bodies.bytesOf(document) : undefined;
        loaded.set(`${type}/${document._id}`, { document, bytes });
        // A change comes after the one that it replaces, whoever made that.
        clock.observe(document.change);
      }
    }
    return loaded;
  }

  #guardsBefore(planned: readonly Planned[]): readonly string[] {
    return planned.flatMap(({ write: { type }, current, outcome }) => {
      const field = this.#around.fields.ofParameter({ type, code: 'identifier' });
      const values = field === undefined ? undefined : current?.document.index?.[field];
      return values === undefined || outcome === 'unchanged' ? [] : guardsOfStored(type, values);
    });
  }

  async #erasedFiles(effective: readonly Planned[]): Promise<readonly ObjectId[]> {
    const erased = effective.filter(({ write }) => write.kind === 'erase').map(({ write }) => write);
    const files: ObjectId[] = [];
    for (const [type, of] of byType(erased, (write) => write.type)) {
      const ids = of.map(({ id }) => id);
      files.push(...(await filesOf(this.#around.connection.db, type, ids)));
    }
    return files;
  }
}

/** Throws Unsupported for more writes than a transaction has time for. */
function requireFeasible(writes: number): void {
  if (writes <= mostWrites) return;
  throw new Unsupported(
    `A transaction of ${writes} writes would take longer than the 60 seconds that MongoDB gives it: send at most ${mostWrites} at once.`,
  );
}

/** What a transaction works on. */
interface Work {
  readonly commit: Commit;
  readonly plan: Plan;
  readonly changes: Changes;
  readonly commands: Commands;
  readonly block: Block;
  readonly locked: ReadonlySet<string>;
}

function keyOf({ type, id }: Write): string {
  return `${type}/${id}`;
}

/** `block` is undefined where nothing was written. */
function resultOf(planned: readonly Planned[], block: Block | undefined): Committed {
  const written = planned.map(({ outcome, versionId, current, time = block?.updated }): Written => {
    const lastUpdated = outcome === 'unchanged' ? current?.document.updated.getTime() : time;
    return { versionId, lastUpdated: lastUpdated ?? 0, outcome };
  });
  return { written };
}
