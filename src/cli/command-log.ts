/** What commands say of what goes wrong beside what they were asked for. https://hl7.org/fhir/R4/http.html */
import { createLog, type Log } from '../log.ts';

/** Errors on standard error, and nothing else. */
export function commandLog(): Log {
  return {
    ...createLog('silent'),
    error: (fields, message) => console.error(`${message}: ${Object.values(fields).map(String).join(', ')}`),
  };
}
