import { setTimeout } from 'node:timers/promises';
import type { Database } from '../../platform/database/index.ts';
import { NotReady } from '../../platform/errors.ts';
import { FetchError, type GuardedFetch } from '../../platform/fetch/index.ts';
import { type Clock, numericDate, plusSeconds } from '../../platform/time.ts';
import { type KeyRing, signJwt } from '../../tokens/index.ts';
import { type ClaimedDelivery, claimDeliveries, closeDelivery, reschedule } from './deliveries.ts';

/** The outcome of one attempt. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'given_up';

export interface DeliveryDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly fetch: GuardedFetch;
  /** Called after every attempt; `error` is a code or a status. */
  readonly onAttempt?: (
    outcome: DeliveryOutcome,
    delivery: { clientId: string; tries: number; error: string | null },
  ) => void;
}

/** Sends deliveries until none is due; stops soon after the signal. */
export type DeliverLogouts = (stopping: AbortSignal) => Promise<void>;

/** Concurrent deliveries in one process: in total, and to one client. A slow client uses its own share only. */
const MAX_CONCURRENT = { all: 32, perClient: 4 };

/** How often to look for due deliveries while some are being sent. */
const POLL_MS = 1000;

export function createLogoutDelivery(deps: DeliveryDeps): DeliverLogouts {
  return async (stopping) => {
    const pending = new Map<Promise<void>, ClaimedDelivery>();
    let failure: Error | undefined;
    const start = (delivery: ClaimedDelivery) => {
      const done = deliver(deps, delivery)
        .catch((error: Error) => {
          failure ??= error;
        })
        .finally(() => pending.delete(done));
      pending.set(done, delivery);
    };
    try {
      for (;;) {
        const busy = new Set([...pending.values()].map((one) => one.client));
        const free = MAX_CONCURRENT.all - pending.size;
        if (free > 0 && !stopping.aborted && !failure) {
          const limits = { all: free, perClient: MAX_CONCURRENT.perClient };
          for (const delivery of await claimDeliveries(deps.db, deps.clock.now(), limits, [...busy])) start(delivery);
        }
        if (pending.size > 0) await race(pending.keys());
        // No delivery was due, for any client.
        else if (busy.size === 0) break;
      }
    } finally {
      await Promise.all(pending.keys());
    }
    // A delivery whose outcome could not be stored is free again when its lease ends.
    if (failure) throw failure;
  };
}

/** Waits for the first to end, or for the poll interval. */
async function race(promises: Iterable<Promise<void>>): Promise<void> {
  const late = new AbortController();
  const pause = setTimeout(POLL_MS, undefined, { signal: late.signal }).catch(() => {});
  try {
    await Promise.race([...promises, pause]);
  } finally {
    late.abort();
  }
}

/** OIDC Back-Channel Logout §2.5 to §2.8. Outside any transaction. */
async function deliver(deps: DeliveryDeps, delivery: ClaimedDelivery): Promise<void> {
  const { db, clock, onAttempt = () => {} } = deps;
  const { clientId, tries } = delivery;
  const error = delivery.uri === null ? 'no_uri' : await post(deps, delivery, delivery.uri);
  const now = clock.now();
  if (error === null) {
    await closeDelivery(db, delivery.id, now, null);
    return onAttempt('delivered', { clientId, tries, error });
  }
  const wait = delivery.uri === null ? null : retryDelaySeconds(tries);
  if (wait === null) await closeDelivery(db, delivery.id, now, error);
  else await reschedule(db, delivery, plusSeconds(now, wait), error);
  onAttempt(wait === null ? 'given_up' : 'failed', { clientId, tries, error });
}

/** Returns the error; null when the client has accepted the token. */
async function post(
  { keys, issuer, clock, fetch }: DeliveryDeps,
  delivery: ClaimedDelivery,
  uri: string,
): Promise<string | null> {
  try {
    const token = signLogoutToken(keys, issuer, delivery, clock.now());
    const { status } = await fetch({ url: uri, form: { logout_token: token }, maxBytes: 0 });
    // OIDC Back-Channel Logout §2.8: 200; some frameworks send 204 for an empty response.
    return status === 200 || status === 204 ? null : `status_${status}`;
  } catch (error) {
    if (error instanceof FetchError) return error.code;
    // The algorithm has no key yet: a running server makes one.
    if (error instanceof NotReady) return 'no_key';
    throw error;
  }
}

/** Attempts of one delivery, over about six hours. */
const MAX_TRIES = 8;

/**
 * Returns the delay after a failure, four times the one before; null after the last attempt. It varies by a fifth, so
 * that deliveries that failed together are not repeated together.
 */
function retryDelaySeconds(tries: number): number | null {
  return tries >= MAX_TRIES ? null : 4 ** tries * (0.8 + 0.4 * Math.random());
}

/** OIDC Back-Channel Logout §4: two minutes at most, against replay. */
const LIFE_SECONDS = 120;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * Signs a logout token (OIDC Back-Channel Logout §2.4). Its `typ` tells it from every other JWT of Signet, and it has
 * no `nonce`. `jti` is the delivery's id: the client recognizes a repeated attempt by it.
 */
function signLogoutToken(keys: KeyRing, issuer: string, delivery: Omit<ClaimedDelivery, 'uri'>, now: Date): string {
  const iat = numericDate(now);
  return signJwt(keys, 'logout+jwt', delivery.alg, {
    iss: issuer,
    aud: delivery.clientId,
    iat,
    exp: iat + LIFE_SECONDS,
    jti: delivery.id,
    events: { [EVENT]: {} },
    sub: delivery.sub,
    sid: delivery.sid,
  });
}
