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
  const requests = new Counter({
    name: 'osteon_requests_total',
    help: 'Requests by interaction and status.',
    labelNames: ['interaction', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'osteon_request_duration_seconds',
    help: 'Time to answer, by interaction.',
    labelNames: ['interaction'],
    buckets,
    registers,
  });
  const storeTimes = new Histogram({
    name: 'osteon_store_duration_seconds',
    help: 'Time in the store, by operation.',
    labelNames: ['operation'],
    buckets,
    registers,
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
  // Looking a label set up costs more than counting, so its counter is kept.
  const requestCounters = new Map<string, Counter.Internal>();
  const durationTimers = new Map<string, Histogram.Internal<'interaction'>>();
  const storeTimers = new Map<string, Histogram.Internal<'operation'>>();
  return {
    request: (interaction, status, seconds) => {
      const key = `${interaction} ${status}`;
      let counter = requestCounters.get(key);
      if (counter === undefined) {
        counter = requests.labels(interaction, String(status));
        requestCounters.set(key, counter);
      }
      counter.inc();
      let timer = durationTimers.get(interaction);
      if (timer === undefined) {
        timer = durations.labels(interaction);
        durationTimers.set(interaction, timer);
      }
      timer.observe(seconds);
    },
    store: (operation, seconds) => {
      let timer = storeTimers.get(operation);
      if (timer === undefined) {
        timer = storeTimes.labels(operation);
        storeTimers.set(operation, timer);
      }
      timer.observe(seconds);
    },
    auditHead: (chain, sequence, hash) => {
      heads.remove({ chain });
      heads.set({ chain, hash }, sequence);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
