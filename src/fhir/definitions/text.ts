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

const EQUALS = 61;

/** Whether a character is one of base64's 64. */
const isDigit: readonly boolean[] = Array.from({ length: 128 }, (_, unit) =>
  /[A-Za-z0-9+/]/.test(String.fromCharCode(unit)),
);

/**
 * The bytes that base64 stands for, in groups of four, white space anywhere; undefined for another text. R4's own pattern takes exponential
 * time here.
 */
export function base64Length(text: string): number | undefined {
  let digits = 0;
  let padding = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (isDigit[unit] === true && padding === 0) digits += 1;
    else if (unit === EQUALS && padding < 2) padding += 1;
    else if (!isWhite(unit)) return undefined;
  }
  return digits === 0 || (digits + padding) % 4 !== 0 ? undefined : Math.floor((digits * 3) / 4);
}

function isWhite(unit: number): boolean {
  return (
    unit === SPACE || (unit >= TAB && unit <= CARRIAGE_RETURN) || (unit > 127 && /\s/.test(String.fromCharCode(unit)))
  );
}

/** Base64. */
export function isBase64(text: string): boolean {
  return base64Length(text) !== undefined;
}
