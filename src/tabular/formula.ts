/** Keeps spreadsheets from taking cells for formulas. https://owasp.org/www-community/attacks/CSV_Injection */

/** What a spreadsheet may read as a formula (some take signs of full width too), with any apostrophes that keep it from doing so. */
const formula = /^'*[=+\-@＝＋－＠\t\r\n]/;
const kept = /^'+[=+\-@＝＋－＠\t\r\n]/;

/** A text as a cell: what would be a formula gets an apostrophe in front. */
export function neutralised(text: string): string {
  return formula.test(text) ? `'${text}` : text;
}

/** The text of a cell, without the apostrophe of `neutralised`. */
export function restored(cell: string): string {
  return kept.test(cell) ? cell.slice(1) : cell;
}
