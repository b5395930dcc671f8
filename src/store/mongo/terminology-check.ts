/** Compares loaded code systems with what is recorded of them. https://hl7.org/fhir/R4/codesystem.html */
import type { Db } from 'mongodb';
import { type Finding, finding } from '../finding.ts';
import { names } from './document.ts';
import { type ConceptDocument, type SetDocument, type SystemDocument, withinSet } from './terminology-documents.ts';

/** Yields what is wrong. What a system lacks comes back when it is loaded again. */
export async function* checkTerminology(db: Db, repair: boolean): AsyncGenerator<Finding> {
  const concepts = db.collection<ConceptDocument>(names.concepts);
  for (const { _id, url, version, set, count } of await db
    .collection<SystemDocument>(names.codeSystems)
    .find()
    .toArray()) {
    const found = await concepts.countDocuments({ set, ...withinSet(set) });
    if (found === count) continue;
    // It may have been replaced meanwhile.
    const still = await db.collection<SystemDocument>(names.codeSystems).findOne({ _id, set });
    const name = version === '' ? url : `${url}|${version}`;
    if (still !== null) yield finding(`${name}: ${found} of ${count} concepts are there: load it again`);
  }
  // What the last look left behind is nobody's: a set is recorded before its concepts.
  const recorded = async () =>
    (await db.collection<SetDocument>(names.conceptSets).find().toArray()).map(({ _id }) => _id);
  const before = await recorded();
  const lost = (await concepts.distinct('set')).filter((set) => !before.includes(set));
  const now = await recorded();
  for (const set of lost.filter((each) => !now.includes(each))) {
    const count = await concepts.countDocuments({ set });
    if (repair) await concepts.deleteMany({ set });
    yield finding(`${count} concepts belong to no code system`, repair);
  }
}
