/** Whether a text is a string, code, uri or base64Binary of R4. https://hl7.org/fhir/R4/datatypes.html#string */

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;

/** https://hl7.org/fhir/R4/datatypes.html#string: "SHALL NOT exceed 1MB (1024*1024 characters) in size". */
const MAX_LENGTH = 1024 * 1024;

/** A string or markdown: not blank, no control characters but tab, line feed and carriage return. */
export function isText(text: string): boolean {
  if (text.length > MAX_LENGTH) return false;
  let blank = true;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > SPACE) blank = false;
    else if (unit < SPACE && unit !== TAB && unit !== LINE_FEED && unit !== CARRIAGE_RETURN) return false;
  }
  return !blank;
}

/** A code: at least one character, no white space but single spaces within. */
export function isCode(text: string): boolean {
  let before = SPACE;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < SPACE || (unit === SPACE && before === SPACE)) return false;
    before = unit;
  }
  return before !== SPACE;
}

/** A uri, url or canonical: at least one character, no white space or control characters. */
export function isUri(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) <= SPACE) return false;
  return text.length > 0;
}

const white = /\s+/g;
const someWhite = /\s/;
const foreign = /[^A-Za-z0-9+/=\s]/;

/** Base64 in groups of four, white space anywhere. R4's own pattern takes exponential time here. */
export function isBase64(text: string): boolean {
  if (text.length === 0 || foreign.test(text)) return false;
  const digits = someWhite.test(text) ? text.replace(white, '') : text;
  if (digits.length === 0 || digits.length % 4 !== 0) return false;
  const padding = digits.indexOf('=');
  return padding < 0 || padding === digits.length - 1 || (padding === digits.length - 2 && digits.endsWith('=='));
}
