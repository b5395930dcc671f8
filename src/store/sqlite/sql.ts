/** Pieces of SQL with the values bound in them: what criteria compile to. https://hl7.org/fhir/R4/search.html */
import type { SqlValue } from './open.ts';

/** SQL text with a `?` for each value, in order. */
export interface Sql {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

type Part = Sql | string | number;

/** A piece of SQL from a template: other pieces are put in place, strings and numbers are bound. */
export function sql(strings: TemplateStringsArray, ...parts: readonly Part[]): Sql {
  let text = strings[0] ?? '';
  const values: SqlValue[] = [];
  parts.forEach((part, index) => {
    if (typeof part === 'object') {
      text += part.text;
      for (const value of part.values) values.push(value);
    } else {
      text += '?';
      values.push(part);
    }
    text += strings[index + 1] ?? '';
  });
  return { text, values };
}

/** Text of our own as a piece: names of tables and columns, never a client's. */
export function raw(text: string): Sql {
  return { text, values: [] };
}

/** Pieces with a text between them. */
export function join(pieces: readonly Sql[], between: string): Sql {
  if (pieces.length === 1 && pieces[0] !== undefined) return pieces[0];
  const values: SqlValue[] = [];
  for (const piece of pieces) for (const value of piece.values) values.push(value);
  return { text: pieces.map((piece) => piece.text).join(between), values };
}

export const always: Sql = raw('1');
export const never: Sql = raw('0');

/**
 * Ends a statement past the deadline: asked for about every 1,024th row, by its number, since asking costs more than a
 * row. It stands first, where the rows are read.
 */
export function tick(number: Sql): Sql {
  return sql`((${number} & 1023) <> 0 OR tick())`;
}

/** Stands after `WHERE` where rows are read without a `tick`: who watches the statement counts them there. */
export const eachRow: Sql = raw('/* each row */');

/** How many tests stand beside each other before they are put in pairs: SQLite limits how deep an expression is. */
const longest = 100;

/** All of the tests; nothing to test holds. */
export function all(tests: readonly Sql[]): Sql {
  const left = tests.filter((test) => test !== always);
  if (left.includes(never)) return never;
  if (left.length <= longest) return left.length === 0 ? always : join(left, ' AND ');
  const middle = left.length >> 1;
  return sql`(${all(left.slice(0, middle))}) AND (${all(left.slice(middle))})`;
}

/**
 * All of the tests, none of which is needed to find rows by an index. The sign keeps SQLite from making joins of them:
 * it would look at them after other tables, and plan in a time that grows with the square of their number. It also keeps
 * SQLite from seeking each value of a list in an index where the few rows that were found are looked up in the list.
 */
export function filters(tests: readonly Sql[]): Sql {
  return all(tests.map((test) => (test === always || test === never ? test : sql`+(${test})`)));
}

/** Any of the tests, in parentheses and balanced, since SQLite limits how deep an expression is; nothing never holds. */
export function any(tests: readonly Sql[]): Sql {
  const left = tests.filter((test) => test !== never);
  if (left.includes(always)) return always;
  const [first, second] = left;
  if (first === undefined) return never;
  if (second === undefined) return sql`(${first})`;
  if (left.length <= 8) return sql`((${join(left, ') OR (')}))`;
  const middle = left.length >> 1;
  const halves = sql`${any(left.slice(0, middle))} OR ${any(left.slice(middle))}`;
  const stretch = left.length >= unwatched && left.length < 2 * unwatched;
  return stretch ? sql`(${halves} OR tried() = 0)` : sql`(${halves})`;
}

/** Tests beside each other between which the deadline is looked at: thousands of them on one row take as long as many rows. */
const unwatched = 256;

/** Whether a test doesn't hold; tests are never NULL. */
export function negated(test: Sql): Sql {
  if (test === always) return never;
  return test === never ? always : sql`NOT (${test})`;
}

/** Whether an expression is one of the values: bound directly if it is one, else as a JSON array that SQLite unpacks once. */
export function isIn(expression: Sql, values: readonly (string | number)[]): Sql {
  const [first] = values;
  if (first === undefined) return never;
  if (values.length === 1) return sql`${expression} = ${first}`;
  return sql`${expression} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}
