/** Compares the contained resources that are indexed with those of their containers. https://hl7.org/fhir/R4/references.html#contained */
import { containedType } from '../../search/contained.ts';
import { type Finding, finding } from '../finding.ts';
import { compareRows } from './compare-rows.ts';
import type { ContainedRows } from './contained.ts';
import type { Database } from './open.ts';
import { containedId, patternOf, tableNames } from './rows.ts';
import type { Unsettled } from './unsettled.ts';

/** One that is there, with its pattern. */
export type PresentContained = [rid: number, type: string, id: string, params: string | null, tables: number | null];

/** What is wrong with what a version `vid` contains, undefined where nothing is. */
export function compareContained(
  wanted: readonly ContainedRows[],
  present: readonly PresentContained[],
  vid: number,
  unsettled: Unsettled,
  rowsOf: (rid: number, place: number) => readonly string[],
): string | undefined {
  const found = new Map(present.map((one) => [`${one[1]} ${one[2]}`, one]));
  for (const { type, id, rows } of wanted) {
    const one = found.get(`${type} ${containedId(id, vid)}`);
    if (one === undefined) return `its contained ${type} ${id} is not indexed`;
    const [rid, , , params, tables] = one;
    const problem = compareRows(rows, (place) => unsettled.settled(rowsOf(rid, place)));
    if (problem !== undefined) return `the index of its contained ${type} ${problem}`;
    if (!unsettled.isPattern(patternOf(rows, false), params, tables))
      return `the pattern of parameters of its contained ${type} is wrong`;
  }
  return found.size === wanted.length ? undefined : 'more is indexed as contained in it than it contains';
}

/** What lies in no version that is current or kept. */
export function* checkContainedLists(db: Database, repair: boolean): Generator<Finding> {
  const own = `SELECT num FROM type WHERE name NOT GLOB '${containedType('*')}'`;
  const wrong = `SELECT rid FROM entity WHERE type NOT IN (${own}) AND state = 1
    AND NOT EXISTS (SELECT 1 FROM kept AS k WHERE k.vid = entity.vid)
    AND NOT EXISTS (SELECT 1 FROM version AS v JOIN entity AS c ON c.rid = v.rid AND c.vid = v.vid AND c.state = 1
      WHERE v.vid = entity.vid)`;
  const lost = 'SELECT count(*) FROM contained WHERE rid NOT IN (SELECT rid FROM entity WHERE state = 1)';
  const count = db.prepare<[number]>(`SELECT count(*) FROM (${wrong})`).get()?.[0] ?? 0;
  if (count > 0) {
    if (repair) {
      for (const table of tableNames) db.exec(`DELETE FROM ${table} WHERE rid IN (${wrong})`);
      db.exec(`DELETE FROM entity WHERE rid IN (${wrong})`);
    }
    yield finding(`${count} contained resources are indexed that lie in nothing`, repair);
  }
  const left = db.prepare<[number]>(lost).get()?.[0] ?? 0;
  if (left === 0) return;
  if (repair) db.exec('DELETE FROM contained WHERE rid NOT IN (SELECT rid FROM entity WHERE state = 1)');
  yield finding(`${left} contained resources are listed that are not there`, repair);
}
