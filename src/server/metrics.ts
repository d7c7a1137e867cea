import type { HashPool } from '../passwords/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { App } from '../platform/http/index.ts';
import { createMetrics, type Metrics } from '../platform/telemetry/index.ts';
import type { Clock } from '../platform/time.ts';
import type { KeyRing, StatusLists } from '../tokens/index.ts';

/** Counts requests by route pattern: a path is caller input, and may contain an id. */
export function countRequests(app: App, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const seconds = reply.elapsedTime / 1000;
    const { method } = request;
    metrics.request({ route: request.routeOptions.url ?? null, method, status: reply.statusCode, seconds });
    done();
  });
}

/** Creates the metrics of a running server. */
export function createServerMetrics(db: Database, pool: HashPool, tokens?: TokenServices): Promise<Metrics> {
  return createMetrics({
    hashPool: () => pool.stats(),
    connections: () => db.connections(),
    ...(tokens ? { signingKeys: () => keyFigures(tokens), statusLists: () => tokens.statusLists.stats() } : {}),
  });
}

interface TokenServices {
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly statusLists: StatusLists;
}

function keyFigures({ keys, clock }: TokenServices) {
  const now = clock.now().getTime();
  return keys.all().map(({ alg, state, activatedAt }) => {
    const ageSeconds = state === 'current' && activatedAt ? (now - activatedAt.getTime()) / 1000 : null;
    return { alg, state, ageSeconds };
  });
}
