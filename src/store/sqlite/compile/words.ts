/** Criteria on words, by the full-text index and by what it doesn't have yet. https://hl7.org/fhir/R4/search.html#content */
import { isContained } from '../../../search/contained.ts';
import type { WordsCriterion, WordsQuery } from '../../../search/criteria.ts';
import { says } from '../../../search/words.ts';
import { NotReady } from '../../errors.ts';
import { all, always, any, isIn, raw, type Sql, sql, tick } from '../sql.ts';
import { typeWord, wordsOfBody } from '../text-index.ts';
import { type Condition, type Context, finding, impossible, type Prefix } from './condition.ts';

/** Versions that are read one by one, since the index doesn't have them yet. */
const mostUnindexed = 2000;

/**
 * The index has versions by their change numbers, kept ones too, up to some change. What came after it in the state that is
 * being read is looked at here, so that a search is exact whether or not the index is up to date.
 */
export function words(criterion: WordsCriterion, context: Context): Condition {
  const { type, typeNumber } = context;
  // The words of what is contained are those of the resource that it lies in.
  if (isContained(type)) return impossible;
  const query = ftsQuery(criterion, typeNumber);
  const last = lastIndexed(context);
  const later = laterThan(last, criterion, context);
  // What is compiled may be remembered until the index has those, too.
  const known = later.length === 0 ? always : sql`f.rowid <= ${last}`;
  const indexed = sql`SELECT f.rowid AS vid FROM words f
    WHERE ${all([sql`f.words MATCH ${query}`, known, tick(raw('f.rowid'))])}`;
  const found = (vid: string): Sql => any([sql`${raw(vid)} IN (${indexed})`, isIn(raw(vid), later)]);
  const versions = sql`(${indexed} UNION ALL SELECT j.value FROM json_each(${JSON.stringify(later)}) j) x`;
  const owners = (prefix: Prefix): Sql =>
    prefix === ''
      ? // By a narrow index: versions lie beside their bodies.
        sql`SELECT e.rid AS rid FROM ${versions}
          CROSS JOIN entity e INDEXED BY entity_by_change ON e.type = ${typeNumber} AND e.vid = x.vid AND e.state = 1`
      : sql`SELECT k.vid AS rid FROM ${versions} CROSS JOIN kept k ON k.vid = x.vid`;
  return {
    test: ({ row }) => found(`${row}.vid`),
    drive: { ...finding(owners, 4, true, true), live: true },
    usesResource: true,
  };
}

/** The change up to which the index has versions. */
function lastIndexed({ rows }: Context): number {
  return Number(rows(sql`SELECT value FROM setting WHERE name = 'words'`)[0]?.[0] ?? 0);
}

/** The change numbers of versions of the searched type that pass and come after those that the index has. */
function laterThan(last: number, { query, scope }: WordsCriterion, { typeNumber, rows }: Context): readonly number[] {
  const found = rows(sql`SELECT vid, body FROM version INDEXED BY version_by_type
    WHERE type = ${typeNumber} AND vid > ${last}
    AND body IS NOT NULL LIMIT ${mostUnindexed + 1}`);
  if (found.length > mostUnindexed) throw new NotReady('The full-text index is behind what was written. Try again.', 5);
  return found.flatMap(([vid, body]) => {
    if (!(body instanceof Uint8Array)) return [];
    return says(query, scope, wordsOfBody(body)) ? [Number(vid)] : [];
  });
}

/** The query in FTS5's language. Words are letters and digits alone, so that quoting them needs no escapes. */
function ftsQuery({ query, scope }: WordsCriterion, typeNumber: number): string {
  const columns = scope === 'content' ? '{narrative content}' : 'narrative';
  return `type : "${typeWord(typeNumber)}" AND ${columns} : (${ftsExpression(query)})`;
}

function ftsExpression(query: WordsQuery): string {
  switch (query.kind) {
    case 'words':
      return `"${query.words.join(' ')}"${query.prefix ? ' *' : ''}`;
    case 'and':
    case 'or':
      return `(${query.of.map(ftsExpression).join(query.kind === 'and' ? ' AND ' : ' OR ')})`;
    case 'except':
      return `(${ftsExpression(query.of)} NOT ${ftsExpression(query.but)})`;
  }
}
