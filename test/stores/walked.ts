/** A store in memory with a searcher of its own, while walks may be alive. https://hl7.org/fhir/R4/http.html#paging */
import type { Parameter } from '../../src/search/criteria.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import { InlineWriter } from '../../src/store/sqlite/writer.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import { day } from '../contract/subject.ts';

/** What a test writes with and searches with. */
export interface Walked {
  readonly writer: InlineWriter;
  readonly searcher: Searcher;
  close(): Promise<void>;
}

/** Opens one whose resources have a parameter; replaced versions are kept. */
export function openWalked({ type, code }: Parameter): Walked {
  const options = { clock: () => 1, cursorLifetime: day };
  const db = openDatabase(':memory:');
  migrate(db);
  registerParameters(db, [{ type, code, definition: '1' }]);
  const engine = writerEngine(db, options);
  engine.run([{ kind: 'walks', until: day }]);
  const writer = new InlineWriter(engine, currentParameters(db));
  const close = async (): Promise<void> => {
    await writer.close();
    db.close();
  };
  return { writer, searcher: new Searcher(db, options), close };
}
