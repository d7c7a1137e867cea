import { setTimeout } from 'node:timers/promises';
import type { Database } from '../../platform/database/index.ts';
import { NotReady } from '../../platform/errors.ts';
import { FetchError, type GuardedFetch } from '../../platform/fetch/index.ts';
import { type Clock, numericDate, plusSeconds } from '../../platform/time.ts';
import { type KeyRing, signJwt } from '../../tokens/index.ts';
import { claimDeliveries, closeDelivery, type LogoutDelivery, reschedule } from './deliveries.ts';

/** What one try came to. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'given_up';

export interface DeliveryDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly fetch: GuardedFetch;
  /** Told about every try; `error` is a code, or a status. */
  readonly onAttempt?: (
    outcome: DeliveryOutcome,
    notice: { clientId: string; tries: number; error: string | null },
  ) => void;
}

/** Delivers what is due until nothing is, and ends soon when it is to stop. */
export type DeliverLogouts = (stopping: AbortSignal) => Promise<void>;

/** At once in one process: all of them, and to one client. A slow client takes its own places only. */
const MAX_CONCURRENT = { all: 32, perClient: 4 };

/** While some are under way, others may become due. */
const POLL_MS = 1000;

export function createLogoutDelivery(deps: DeliveryDeps): DeliverLogouts {
  return async (stopping) => {
    const pending = new Map<Promise<void>, LogoutDelivery>();
    let failure: Error | undefined;
    const start = (notice: LogoutDelivery) => {
      const done = deliver(deps, notice)
        .catch((error: Error) => {
          failure ??= error;
        })
        .finally(() => pending.delete(done));
      pending.set(done, notice);
    };
    try {
      for (;;) {
        const busy = new Set([...pending.values()].map((one) => one.client));
        const all = MAX_CONCURRENT.all - pending.size;
        if (all > 0 && !stopping.aborted && !failure) {
          const most = { all, perClient: MAX_CONCURRENT.perClient };
          for (const notice of await claimDeliveries(deps.db, deps.clock.now(), most, [...busy])) start(notice);
        }
        if (pending.size > 0) await race(pending.keys());
        // Nothing was due, of any client.
        else if (busy.size === 0) break;
      }
    } finally {
      await Promise.all(pending.keys());
    }
    // The lease of what could not be written down ends by itself.
    if (failure) throw failure;
  };
}

/** The first that ends; or a moment later, none. */
async function race(promises: Iterable<Promise<void>>): Promise<void> {
  const late = new AbortController();
  const pause = setTimeout(POLL_MS, undefined, { signal: late.signal }).catch(() => {});
  try {
    await Promise.race([...promises, pause]);
  } finally {
    late.abort();
  }
}

/** OIDC Back-Channel Logout §2.5 to §2.8, outside every transaction. */
async function deliver(deps: DeliveryDeps, notice: LogoutDelivery): Promise<void> {
  const { db, clock, onAttempt = () => {} } = deps;
  const { clientId, tries } = notice;
  const error = notice.uri === null ? 'no_uri' : await post(deps, notice, notice.uri);
  const now = clock.now();
  if (error === null) {
    await closeDelivery(db, notice.id, now, null);
    return onAttempt('delivered', { clientId, tries, error });
  }
  const wait = notice.uri === null ? null : retryDelaySeconds(tries);
  if (wait === null) await closeDelivery(db, notice.id, now, error);
  else await reschedule(db, notice, plusSeconds(now, wait), error);
  onAttempt(wait === null ? 'given_up' : 'failed', { clientId, tries, error });
}

/** What was wrong; null when the client has taken it. */
async function post(
  { keys, issuer, clock, fetch }: DeliveryDeps,
  notice: LogoutDelivery,
  uri: string,
): Promise<string | null> {
  try {
    const token = signLogoutToken(keys, issuer, notice, clock.now());
    const { status } = await fetch({ url: uri, form: { logout_token: token }, maxBytes: 0 });
    // OIDC Back-Channel Logout §2.8: 200, and what some frameworks make of an empty answer.
    return status === 200 || status === 204 ? null : `status_${status}`;
  } catch (error) {
    if (error instanceof FetchError) return error.code;
    // No key of that algorithm: a running server makes one.
    if (error instanceof NotReady) return 'no_key';
    throw error;
  }
}

/** Tries at the most, over about six hours. */
const MAX_TRIES = 8;

/** Four times as long after every failure, a fifth more or less, so that what failed together does not come back together. */
function retryDelaySeconds(tries: number): number | null {
  return tries >= MAX_TRIES ? null : 4 ** tries * (0.8 + 0.4 * Math.random());
}

/** OIDC Back-Channel Logout §4: at the most two minutes, so that an old one cannot be played again. */
const LIFE_SECONDS = 120;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * A logout token (OIDC Back-Channel Logout §2.4). Its `typ` tells it from every other JWT of Signet's, and there is never a `nonce`.
 * The `jti` is the notice's own: a client that has seen it knows that this is another try.
 */
export function signLogoutToken(keys: KeyRing, issuer: string, notice: Omit<LogoutDelivery, 'uri'>, now: Date): string {
  const iat = numericDate(now);
  return signJwt(keys, 'logout+jwt', notice.alg, {
    iss: issuer,
    aud: notice.clientId,
    iat,
    exp: iat + LIFE_SECONDS,
    jti: notice.id,
    events: { [EVENT]: {} },
    sub: notice.sub,
    sid: notice.sid,
  });
}
