import type { Registry } from 'prom-client';

/** One completed request. `route` is the pattern that it matched, never its path; null if none matched. */
export interface CompletedRequest {
  readonly route: string | null;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

/** Figures that each room provides at a scrape. */
export interface MetricSources {
  hashPool(): {
    readonly width: number;
    readonly active: number;
    readonly queued: number;
    readonly started: number;
    readonly refused: number;
    readonly expired: number;
  };
  /** Null on the embedded engine. */
  connections(): {
    readonly max: number;
    readonly open: number;
    readonly idle: number;
    readonly waiting: number;
    readonly pipelines: { readonly open: number; readonly inFlight: number };
  } | null;
  /** The published keys; `ageSeconds` is how long the current one has been signing. */
  signingKeys?(): readonly { readonly alg: string; readonly state: string; readonly ageSeconds: number | null }[];
  statusLists?(): { readonly lists: number; readonly followers: number; readonly readAgeSeconds: number };
}

export type LogoutDeliveryOutcome = 'delivered' | 'failed' | 'given_up';

export type LoginOutcome = 'success' | 'refused' | 'throttled' | 'busy';

/** The counters of this process. Labels are fixed words, never ids or paths, so that a caller cannot create series. */
export interface Metrics {
  request(completed: CompletedRequest): void;
  login(outcome: LoginOutcome): void;
  /** An attempt to deliver a logout token to a client. */
  logoutDelivery(outcome: LogoutDeliveryOutcome): void;
  /** The page for Prometheus and its content type. */
  page(): Promise<{ readonly type: string; readonly text: string }>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The methods of routes. The method is caller input too, and the server responds to any. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Creates the metrics in a registry of their own: two servers in one process (as in tests) count separately. */
export async function createMetrics(sources: MetricSources): Promise<Metrics> {
  // Loaded only if metrics are enabled, not by every command.
  const { collectDefaultMetrics, Counter, Histogram, Registry: OwnRegistry } = await import('prom-client');
  const registry = new OwnRegistry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const labelNames = ['route', 'method', 'status'] as const;
  const requests = new Counter({
    name: 'signet_http_requests_total',
    help: 'Requests answered.',
    labelNames,
    registers,
  });
  const durations = new Histogram({
    name: 'signet_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const logins = new Counter({
    name: 'signet_logins_total',
    help: 'Attempts to log in: success (the password was right), refused, throttled, busy.',
    labelNames: ['outcome'] as const,
    registers,
  });
  // Initialised to 0: a rate whose series begins at its first event misses that event.
  for (const outcome of ['success', 'refused', 'throttled', 'busy'] as const) logins.inc({ outcome }, 0);
  const deliveries = new Counter({
    name: 'signet_logout_notices_total',
    help: 'Tries to tell a client of a logout: delivered, failed (tried again later), given_up.',
    labelNames: ['outcome'] as const,
    registers,
  });
  for (const outcome of ['delivered', 'failed', 'given_up'] as const) deliveries.inc({ outcome }, 0);
  await registerPoolGauges(registry, sources);
  await registerTokenGauges(registry, sources);

  return {
    request({ route, method, status, seconds }) {
      const labels = {
        route: route ?? 'unmatched',
        method: METHODS.has(method) ? method : 'other',
        status: `${Math.floor(status / 100)}xx`,
      };
      requests.inc(labels);
      durations.observe(labels, seconds);
    },
    login: (outcome) => logins.inc({ outcome }),
    logoutDelivery: (outcome) => deliveries.inc({ outcome }),
    page: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}

/** Returns a function that registers gauges whose value is read at each scrape. */
async function gaugeFactory(registry: Registry) {
  const { Gauge } = await import('prom-client');
  return (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
}

/** Registers the figures of the hash pool and the database. */
async function registerPoolGauges(registry: Registry, { hashPool, connections }: MetricSources): Promise<void> {
  const { Counter } = await import('prom-client');
  const gauge = await gaugeFactory(registry);
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  gauge('signet_hash_pool_width', 'Password hashes that may run at once.', () => hashPool().width);
  gauge('signet_hash_pool_active', 'Threads that hash passwords now.', () => hashPool().active);
  gauge('signet_hash_pool_queued', 'Hashes that wait now.', () => hashPool().queued);
  counter('signet_hash_pool_started_total', 'Hashes that were started.', () => hashPool().started);
  counter('signet_hash_pool_refused_total', 'Answered busy: the queue was full.', () => hashPool().refused);
  counter('signet_hash_pool_expired_total', 'Answered busy: waited too long.', () => hashPool().expired);
  if (connections() === null) return;
  gauge('signet_database_connections_max', 'Connections that may be open.', () => connections()?.max ?? 0);
  gauge('signet_database_connections_open', 'Connections that are open.', () => connections()?.open ?? 0);
  gauge('signet_database_connections_idle', 'Open connections that are not in use.', () => connections()?.idle ?? 0);
  gauge('signet_database_waiting', 'Statements that wait for a connection.', () => connections()?.waiting ?? 0);
  gauge(
    'signet_database_pipelines_open',
    'Connections that hot selects share, and that are open.',
    () => connections()?.pipelines.open ?? 0,
  );
  gauge(
    'signet_database_pipeline_depth',
    'Hot selects that wait for their answer.',
    () => connections()?.pipelines.inFlight ?? 0,
  );
}

const KEY_STATES = ['next', 'current', 'retiring'];

/** Registers the figures of keys and status lists: whether rotation works and verifiers learn of changes. An algorithm without keys has no series. */
async function registerTokenGauges(registry: Registry, { signingKeys, statusLists }: MetricSources): Promise<void> {
  const { Gauge } = await import('prom-client');
  const registers = [registry];
  if (signingKeys) {
    new Gauge({
      name: 'signet_signing_keys',
      help: 'Keys that are published, by algorithm and state: next, current, retiring.',
      labelNames: ['alg', 'state'] as const,
      registers,
      collect() {
        this.reset();
        for (const { alg, state } of signingKeys()) {
          for (const one of KEY_STATES) this.inc({ alg, state: one }, 0);
          this.inc({ alg, state });
        }
      },
    });
    new Gauge({
      name: 'signet_signing_key_age_seconds',
      help: 'For how long the current key of an algorithm has signed. More than SIGNET_KEY_ROTATION: rotation stands still.',
      labelNames: ['alg'] as const,
      registers,
      collect() {
        this.reset();
        for (const { alg, ageSeconds } of signingKeys()) if (ageSeconds !== null) this.set({ alg }, ageSeconds);
      },
    });
  }
  if (!statusLists) return;
  const gauge = await gaugeFactory(registry);
  gauge('signet_status_lists', 'Status lists.', () => statusLists().lists);
  gauge('signet_status_followers', 'Open event streams of status lists.', () => statusLists().followers);
  gauge(
    'signet_status_read_age_seconds',
    'How old is what the status lists and their event streams say. More than 5: lists are answered 503.',
    () => statusLists().readAgeSeconds,
  );
}
