/** Numbers for Prometheus. https://hl7.org/fhir/R4/http.html */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted, and the text that Prometheus reads. */
export interface Metrics {
  /** `seconds`: from the request's first byte here to the response. */
  readonly request: (interaction: string, status: number, seconds: number) => void;
  readonly store: (operation: string, seconds: number) => void;
  /** The newest audit hash of a process's chain, as its sequence. */
  readonly auditHead: (chain: string, sequence: number, hash: string) => void;
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

const buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics of one server. `counts` gives the resources by type when Prometheus asks. */
export function createMetrics(counts: () => Promise<ReadonlyMap<string, number>>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const waitingRequests = new Waiting<RequestKind>(({ counter, timer }, seconds) => {
    counter.inc();
    timer.observe(seconds);
  });
  const requests = new Counter({
    name: 'osteon_requests_total',
    help: 'Requests by interaction and status.',
    labelNames: ['interaction', 'status'],
    registers,
    collect: () => waitingRequests.count(),
  });
  const durations = new Histogram({
    name: 'osteon_request_duration_seconds',
    help: 'Time to answer, by interaction.',
    labelNames: ['interaction'],
    buckets,
    registers,
    collect: () => waitingRequests.count(),
  });
  const waitingStore = new Waiting<Histogram.Internal<'operation'>>((timer, seconds) => timer.observe(seconds));
  const storeTimes = new Histogram({
    name: 'osteon_store_duration_seconds',
    help: 'Time in the store, by operation.',
    labelNames: ['operation'],
    buckets,
    registers,
    collect: () => waitingStore.count(),
  });
  const heads = new Gauge({
    name: 'osteon_audit_head_sequence',
    help: 'Sequence of the newest audit batch of each chain, with its hash.',
    labelNames: ['chain', 'hash'],
    registers,
  });
  new Gauge({
    name: 'osteon_resources',
    help: 'Current resources by type.',
    labelNames: ['type'],
    registers,
    async collect() {
      this.reset();
      for (const [type, count] of await counts()) this.set({ type }, count);
    },
  });
  const hashes = new Map<string, string>();
  // Looking a label set up costs more than counting, so what counts it is kept.
  const kinds = new Map<string, Map<number, RequestKind>>();
  const kindOf = (interaction: string, status: number): RequestKind => {
    let byStatus = kinds.get(interaction);
    if (byStatus === undefined) {
      byStatus = new Map();
      kinds.set(interaction, byStatus);
    }
    let kind = byStatus.get(status);
    if (kind === undefined) {
      kind = { counter: requests.labels(interaction, String(status)), timer: durations.labels(interaction) };
      byStatus.set(status, kind);
    }
    return kind;
  };
  const storeTimers = new Map<string, Histogram.Internal<'operation'>>();
  return {
    request: (interaction, status, seconds) => waitingRequests.add(kindOf(interaction, status), seconds),
    store: (operation, seconds) => {
      let timer = storeTimers.get(operation);
      if (timer === undefined) {
        timer = storeTimes.labels(operation);
        storeTimers.set(operation, timer);
      }
      waitingStore.add(timer, seconds);
    },
    auditHead: (chain, sequence, hash) => {
      // A label's former value would stay as a series of its own.
      const before = hashes.get(chain);
      if (before !== undefined) heads.remove({ chain, hash: before });
      hashes.set(chain, hash);
      heads.set({ chain, hash }, sequence);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

interface RequestKind {
  readonly counter: Counter.Internal;
  readonly timer: Histogram.Internal<'interaction'>;
}

/** How many durations wait at most. */
const mostWaiting = 512;

/** Durations that wait to be counted together: between other work, counting one takes several times as long. */
class Waiting<K> {
  readonly #count: (kind: K, seconds: number) => void;
  readonly #kinds: K[] = [];
  readonly #seconds = new Float64Array(mostWaiting);

  constructor(count: (kind: K, seconds: number) => void) {
    this.#count = count;
  }

  add(kind: K, seconds: number): void {
    this.#seconds[this.#kinds.length] = seconds;
    this.#kinds.push(kind);
    if (this.#kinds.length === mostWaiting) this.count();
  }

  count(): void {
    for (const [place, kind] of this.#kinds.entries()) this.#count(kind, this.#seconds[place] ?? 0);
    this.#kinds.length = 0;
  }
}
