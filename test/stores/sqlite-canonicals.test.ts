/** What is read to find the canonicals that name a version. https://hl7.org/fhir/R4/references.html#canonical */
import { expect, it } from 'vitest';
import type { Criterion, Parameter } from '../../src/search/criteria.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import { InlineWriter } from '../../src/store/sqlite/writer.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import { commit, day, put } from '../contract/subject.ts';

const answers: Parameter = {
  type: 'QuestionnaireResponse',
  code: 'questionnaire',
  kind: 'uri',
  multiple: false,
  textual: false,
  components: [],
};
const url = 'http://osteon.example/q';

it('looks at each canonical of a URL once, of however many resources', async () => {
  const db = openDatabase(':memory:');
  migrate(db);
  registerParameters(db, [{ type: answers.type, code: answers.code, definition: '1' }]);
  const options = { clock: Date.now, cursorLifetime: day };
  const writer = new InlineWriter(writerEngine(db, options), currentParameters(db));
  const searcher = new Searcher(db, options);
  const canonicals = [
    url,
    `${url}|1.0-RC`,
    `${url}|1.0-rc`,
    `${url}|1.0-rc#3`,
    `${url}|2.0`,
    `${url}#3`,
    `${url}s|1.0-rc`,
  ];
  const many = 300;
  await commit(
    writer,
    Array.from({ length: many * canonicals.length }, (_, n) => {
      const value = canonicals[n % canonicals.length] ?? '';
      return put('QuestionnaireResponse', `r${n}`, {}, [{ parameter: answers.code, value: { kind: 'uri', value } }]);
    }),
  );
  const criterion: Criterion = {
    kind: 'value',
    parameter: answers,
    anyOf: [{ kind: 'canonical', url, version: '1.0-rc' }],
  };
  const asked = { count: 10, totalBound: 1, budget: 60_000 } as const;
  const parts = [{ type: answers.type, criterion, sort: [] }];
  const { matches, steps } = searcher.explain({ ...asked, parts, total: 'none' });
  expect(matches).toBe(10);
  expect(steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0)).toBeLessThan(100);
  expect(searcher.search({ ...asked, parts, total: 'accurate' }).total).toBe(3 * many);
  await writer.close();
  db.close();
});
