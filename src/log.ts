/** Structured logs, one line a request; never a resource's contents. https://hl7.org/fhir/R4/security.html#general */
import { pino } from 'pino';

/** What this server logs through. */
export interface Log {
  readonly debug: (fields: object, message: string) => void;
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
  /** The line that a request leaves, on the level `info`. */
  readonly request: (line: RequestLine) => void;
  /** Begins to write out what is buffered; the process ends when that is done. */
  readonly flush: () => void;
}

/** Of letters, digits and `.:/+=_-` only, so that a line needs no escapes. */
export interface RequestLine {
  readonly requestId: string;
  readonly interaction: string;
  readonly type: string | undefined;
  readonly status: number;
  readonly seconds: number;
  /** Of the body sent. */
  readonly bytes: number;
}

/** JSON lines on standard output, from this level on. Lines are written together, at least twice a second. */
export function createLog(level: string): Log {
  const destination = pino.destination({ dest: 1, sync: false, minLength: 16_000, periodicFlush: 500 });
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const time = isoTimes();
  const logsRequests = logger.isLevelEnabled('info');
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    // The same line as the logger's own, put together without its loop over fields: that took a tenth of a read.
    request: (line) => {
      if (logsRequests) destination.write(requestLine(time(Date.now()), line));
    },
    // Not at once: where nobody reads any more, that would try for ever.
    flush: () => destination.flush(),
  };
}

function requestLine(time: string, { requestId, interaction, type, status, seconds, bytes }: RequestLine): string {
  const named = type === undefined ? '' : `"type":"${type}",`;
  const ms = Math.round(seconds * 1e6) / 1000;
  return `{"level":30,"time":"${time}","requestId":"${requestId}","interaction":"${interaction}",${named}"status":${status},"ms":${ms},"bytes":${bytes},"msg":"request"}\n`;
}

/** Instants as text; under load many requests end within one millisecond. */
function isoTimes(): (now: number) => string {
  let instant = -1;
  let text = '';
  return (now) => {
    if (now !== instant) {
      instant = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
}
