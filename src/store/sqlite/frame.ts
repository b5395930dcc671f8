/** The statement around a search's tests: which rows are read, of what is current or of what a walk kept. https://hl7.org/fhir/R4/search.html */
import { type Condition, type Drive, entityIndex, indexed, type Range, type Subject } from './compile/condition.ts';
import { all, always, raw, type Sql, sql, tick } from './sql.ts';

/**
 * `current`: what is live now. `kept by index`, `kept by change`: versions that were replaced since the walk began,
 * found by the criterion's own index or by what was replaced.
 */
export type Branch = 'current' | 'kept by index' | 'kept by change';

/** The walk's type, and the change number of its first page; undefined: this is the first page. */
export interface Walk {
  readonly type: number;
  readonly at: number | undefined;
  /** Whether what was deleted since counts too: for resources that others are found by. */
  readonly deleted?: boolean;
}

/** `FROM` and `WHERE` with the resource as `r`, and `d` an index row where a stretch was asked for. */
export interface Frame {
  readonly from: Sql;
  readonly where: Sql;
  readonly subject: Subject;
  /** The resource's own number, in the form that the index is ordered by where it is. */
  readonly rid: Sql;
}

const resource = raw('r.rid');
const row = raw('d.rid');
const change = raw('r.vid');

/** The kept versions that were current when the walk began. */
function keptAt({ type, at = 0, deleted = false }: Walk): Sql {
  const then = sql`r.type = ${type} AND r.replaced > ${at} AND r.vid <= ${at}`;
  return deleted ? then : sql`${then} AND r.deleted = 0`;
}

function notLater({ at }: Walk): Sql {
  return at === undefined ? always : sql`r.vid <= ${at}`;
}

/** The rows of a stretch. `bare`: of the current index rows alone, without `r`. */
export function frameOf(range: Range, branch: Branch, walk: Walk, bare = false): Frame {
  if (range.table === 'entity') {
    if (branch === 'current') {
      return {
        from: raw(`entity r ${entityIndex(range, 'sqlite_autoindex_entity_1')}`),
        where: all([tick(resource), sql`r.type = ${walk.type} AND r.state = 1`, range.where, notLater(walk)]),
        subject: { prefix: '', row: 'r', number: resource },
        rid: resource,
      };
    }
    return keptFrame(walk, range.where, branch === 'kept by index' && range.index === 'number');
  }
  if (branch === 'current') {
    return {
      from: raw(`${indexed('', range.table, range.index, 'd')}${bare ? '' : ' CROSS JOIN entity r ON r.rid = d.rid'}`),
      where: all([tick(row), range.where, bare ? always : notLater(walk)]),
      subject: { prefix: '', row: 'r', number: row },
      rid: row,
    };
  }
  if (branch === 'kept by index') {
    return {
      from: raw(`${indexed('kept_', range.table, range.index, 'd')} CROSS JOIN kept r ON r.vid = d.rid`),
      where: all([tick(row), range.where, keptAt(walk)]),
      subject: { prefix: 'kept_', row: 'r', number: row },
      rid: resource,
    };
  }
  return {
    from: raw(
      `kept r INDEXED BY kept_by_type CROSS JOIN ${indexed('kept_', range.table, 'by_resource', 'd')} ON d.rid = r.vid`,
    ),
    where: all([tick(change), keptAt(walk), range.where]),
    subject: { prefix: 'kept_', row: 'r', number: row },
    rid: resource,
  };
}

/** `named`: the condition names the resources. */
function keptFrame(walk: Walk, where: Sql, named = false): Frame {
  return {
    from: raw(`kept r INDEXED BY ${named ? 'kept_by_resource' : 'kept_by_type'}`),
    where: all([tick(change), keptAt(walk), where]),
    subject: { prefix: 'kept_', row: 'r', number: change },
    rid: resource,
  };
}

/**
 * The resources that a condition's drive finds, each once; what the drive leaves open is for the condition's test.
 * @param bare by their numbers alone, without `r`: only where `foundAlone` says so.
 */
export function collected({ drive, test }: Condition, branch: Branch, walk: Walk, bare = false): Frame {
  if (drive === undefined || branch === 'kept by change') {
    if (branch !== 'current') {
      const frame = keptFrame(walk, always);
      return { ...frame, where: all([frame.where, test(frame.subject)]) };
    }
    const everything: Range = { table: 'entity', index: 'by_change', where: always, order: ['vid'], fixed: [] };
    const frame = frameOf(everything, branch, walk);
    return { ...frame, where: all([frame.where, test(frame.subject)]) };
  }
  const [range] = drive.ranges;
  if (range !== undefined && drive.ranges.length === 1 && drive.unique) {
    const frame = frameOf(range, branch, walk);
    return drive.exact ? frame : { ...frame, where: all([frame.where, test(frame.subject)]) };
  }
  const prefix = branch === 'current' ? '' : 'kept_';
  const subject: Subject = { prefix, row: 'r', number: row };
  const left = drive.exact ? always : test(subject);
  const rows = drive.rows(prefix);
  const from = drive.unique ? sql`(${rows}) d` : sql`(SELECT DISTINCT rid FROM (${rows})) d`;
  if (bare) return { from, where: tick(row), subject, rid: row };
  if (branch === 'current') {
    return {
      from: sql`${from} CROSS JOIN entity r ON r.rid = d.rid`,
      where: all([tick(row), raw('r.state = 1'), left, notLater(walk)]),
      subject,
      rid: row,
    };
  }
  return {
    from: sql`${from} CROSS JOIN kept r ON r.vid = d.rid`,
    where: all([tick(row), left, keptAt(walk)]),
    subject,
    rid: resource,
  };
}

/** Whether a drive without stretches finds what matches, so that neither it nor the tests of the others look at `entity`. */
export function foundAlone(drive: Drive | undefined, others: readonly Condition[], { at }: Walk): boolean {
  if (drive === undefined || at !== undefined || drive.ranges.length > 0) return false;
  return drive.exact && drive.live === true && others.every(({ usesResource }) => !usesResource);
}

/**
 * What finds all that matches, by itself, and in no order of its own unless it is known what: it may be read once, for a page in
 * the order of the resources' numbers and for the total.
 */
export function gatheringDrive([only, ...others]: readonly Condition[], walk: Walk): Drive | undefined {
  const drive = others.length === 0 ? only?.drive : undefined;
  if (drive === undefined || !foundAlone(drive, [], walk)) return undefined;
  return drive.numbers !== undefined || drive.byNumber.length === 0 ? drive : undefined;
}

/** Whether every row of a drive's index stands for a live resource, so that `entity` needn't be read to count them. */
export function countsByIndex(drive: Drive, others: readonly Condition[]): boolean {
  return (
    drive.ranges.length > 0 &&
    drive.exact &&
    drive.ranges.every(({ table }) => table !== 'entity') &&
    others.every(({ usesResource }) => !usesResource)
  );
}
