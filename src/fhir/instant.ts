/** Instants as FHIR and HTTP write them. https://hl7.org/fhir/R4/datatypes.html#instant */

const DAY = 86_400_000;
let lastDay = Number.NaN;
let lastDate = '';
let lastHttpDay = Number.NaN;
let lastHttpDate = '';

/** Milliseconds since 1970 as an instant in UTC, always of 24 characters: `2026-01-31T08:00:00.000Z`. For years 0 to 9999. */
export function formatInstant(ms: number): string {
  const day = Math.floor(ms / DAY);
  // Most instants that are written in a row lie on one day.
  if (day !== lastDay) {
    lastDate = new Date(day * DAY).toISOString().slice(0, 11);
    lastDay = day;
  }
  const rest = Math.floor(ms - day * DAY);
  const seconds = Math.floor(rest / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return `${lastDate}${two(hours)}:${two(minutes % 60)}:${two(seconds % 60)}.${three(rest % 1000)}Z`;
}

/** Milliseconds since 1970 as a date in HTTP headers: `Sat, 31 Jan 2026 08:00:00 GMT`. Fractions of a second are cut. */
export function httpDate(ms: number): string {
  const day = Math.floor(ms / DAY);
  if (day !== lastHttpDay) {
    lastHttpDate = new Date(day * DAY).toUTCString().slice(0, -'00:00:00 GMT'.length);
    lastHttpDay = day;
  }
  const seconds = Math.floor((ms - day * DAY) / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${lastHttpDate}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)} GMT`;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}

function three(n: number): string {
  return n < 10 ? `00${n}` : n < 100 ? `0${n}` : `${n}`;
}
