import type { HashPool } from '../passwords/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { App } from '../platform/http/index.ts';
import { createMetrics, type Metrics } from '../platform/telemetry/index.ts';
import type { Clock } from '../platform/time.ts';
import type { KeyRing, StatusLists } from '../tokens/index.ts';

/** By the pattern of the route: a path is the caller's word, and may hold an id. */
export function countRequests(app: App, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const seconds = reply.elapsedTime / 1000;
    const { method } = request;
    metrics.request({ route: request.routeOptions.url ?? null, method, status: reply.statusCode, seconds });
    done();
  });
}

/** What a running server counts, and where the figures come from. */
export function createServerMetrics(db: Database, pool: HashPool, tokens?: TokenSources): Promise<Metrics> {
  return createMetrics({
    hashPool: () => pool.stats(),
    connections: () => db.connections(),
    ...(tokens ? { signingKeys: () => keyFigures(tokens), statusLists: () => tokens.statusLists.figures() } : {}),
  });
}

interface TokenSources {
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly statusLists: StatusLists;
}

function keyFigures({ keys, clock }: TokenSources) {
  const now = clock.now().getTime();
  return keys.all().map(({ alg, state, activatedAt }) => {
    const ageSeconds = state === 'current' && activatedAt ? (now - activatedAt.getTime()) / 1000 : null;
    return { alg, state, ageSeconds };
  });
}
