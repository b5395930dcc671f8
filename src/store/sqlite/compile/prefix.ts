/** Texts that begin with a text, as a stretch of an index. https://hl7.org/fhir/R4/search.html#string */
import { all, always, type Sql, sql } from '../sql.ts';

const last = 0x10ffff;
const surrogates = { first: 0xd800, after: 0xe000 };

/**
 * The least text, by the order of UTF-8 bytes, above all that begin with `text`; undefined where there is none.
 */
export function afterPrefix(text: string): string | undefined {
  let end = text.length;
  while (end > 0) {
    // Only its last characters are looked at: a text may have more of them than a call takes arguments.
    const pair = end > 1 && (text.codePointAt(end - 2) ?? 0) > 0xffff;
    end -= pair ? 2 : 1;
    const point = text.codePointAt(end) ?? 0;
    if (point === last) continue;
    const next = point + 1 === surrogates.first ? surrogates.after : point + 1;
    return text.slice(0, end) + String.fromCodePoint(next);
  }
  return undefined;
}

/** Whether a column is below the end of the stretch of what begins with a text. */
export function beforeEndOf(column: Sql, text: string): Sql {
  const after = afterPrefix(text);
  return after === undefined ? always : sql`${column} < ${after}`;
}

/** Whether a column begins with a text, so that an index on it can be used. */
export function beginsWith(column: Sql, text: string): Sql {
  return all([sql`${column} >= ${text}`, beforeEndOf(column, text)]);
}
