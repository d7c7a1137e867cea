import { setTimeout } from 'node:timers/promises';
import type { Database } from '../../platform/database/index.ts';
import { NotReady } from '../../platform/errors.ts';
import { FetchError, type GuardedFetch } from '../../platform/fetch/index.ts';
import { type Clock, plusSeconds } from '../../platform/time.ts';
import type { KeyRing } from '../../tokens/index.ts';
import { signLogoutToken } from './logout-token.ts';
import { claimNotices, closeNotice, type Notice, reschedule } from './notices.ts';

/** What one try came to. */
export type NoticeOutcome = 'delivered' | 'failed' | 'given_up';

export interface DeliveryDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly fetch: GuardedFetch;
  /** Told about every try; `error` is a code, or a status. */
  readonly told?: (outcome: NoticeOutcome, notice: { clientId: string; tries: number; error: string | null }) => void;
}

/** Delivers what is due until nothing is, and ends soon when it is to stop. */
export type Delivery = (stopping: AbortSignal) => Promise<void>;

/** At once in one process: all of them, and to one client. A slow client takes its own places only. */
const MOST = { all: 32, perClient: 4 };

/** While some are under way, others may become due. */
const LOOK_AGAIN_MS = 1000;

export function createDelivery(deps: DeliveryDeps): Delivery {
  return async (stopping) => {
    const underWay = new Map<Promise<void>, Notice>();
    let failure: Error | undefined;
    const start = (notice: Notice) => {
      const done = deliver(deps, notice)
        .catch((error: Error) => {
          failure ??= error;
        })
        .finally(() => underWay.delete(done));
      underWay.set(done, notice);
    };
    try {
      for (;;) {
        const busy = new Set([...underWay.values()].map((one) => one.client));
        const all = MOST.all - underWay.size;
        if (all > 0 && !stopping.aborted && !failure) {
          const most = { all, perClient: MOST.perClient };
          for (const notice of await claimNotices(deps.db, deps.clock.now(), most, [...busy])) start(notice);
        }
        if (underWay.size > 0) await race(underWay.keys());
        // Nothing was due, of any client.
        else if (busy.size === 0) break;
      }
    } finally {
      await Promise.all(underWay.keys());
    }
    // The lease of what could not be written down ends by itself.
    if (failure) throw failure;
  };
}

/** The first that ends; or a moment later, none. */
async function race(promises: Iterable<Promise<void>>): Promise<void> {
  const late = new AbortController();
  const pause = setTimeout(LOOK_AGAIN_MS, undefined, { signal: late.signal }).catch(() => {});
  try {
    await Promise.race([...promises, pause]);
  } finally {
    late.abort();
  }
}

/** OIDC Back-Channel Logout §2.5 to §2.8, outside every transaction. */
async function deliver(deps: DeliveryDeps, notice: Notice): Promise<void> {
  const { db, clock, told = () => {} } = deps;
  const { clientId, tries } = notice;
  const error = notice.uri === null ? 'no_uri' : await post(deps, notice, notice.uri);
  const now = clock.now();
  if (error === null) {
    await closeNotice(db, notice.id, now, null);
    return told('delivered', { clientId, tries, error });
  }
  const wait = notice.uri === null ? null : waitSeconds(tries);
  if (wait === null) await closeNotice(db, notice.id, now, error);
  else await reschedule(db, notice, plusSeconds(now, wait), error);
  told(wait === null ? 'given_up' : 'failed', { clientId, tries, error });
}

/** What was wrong; null when the client has taken it. */
async function post({ keys, issuer, clock, fetch }: DeliveryDeps, notice: Notice, uri: string): Promise<string | null> {
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
const TRIES = 8;

/** Four times as long after every failure, a fifth more or less, so that what failed together does not come back together. */
function waitSeconds(tries: number): number | null {
  return tries >= TRIES ? null : 4 ** tries * (0.8 + 0.4 * Math.random());
}
