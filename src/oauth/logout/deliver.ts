import type { Database, Statement } from '../../platform/database/index.ts';
import { NotReady } from '../../platform/errors.ts';
import { FetchError, type GuardedFetch } from '../../platform/fetch/index.ts';
import {
  type ClaimedDelivery,
  createOutbox,
  type DeliverDue,
  type DeliveryError,
  type DeliveryOutcome,
} from '../../platform/outbox/index.ts';
import { type Clock, numericDate } from '../../platform/time.ts';
import { type Alg, type KeyRing, signJwt } from '../../tokens/index.ts';
import { LOGOUT_TOPIC, type LogoutPayload } from './queue-deliveries.ts';

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

type LogoutDelivery = ClaimedDelivery<LogoutPayload>;

/** Concurrent deliveries in one process: in total, and to one client. */
const LIMITS = { all: 32, perTarget: 4 };

/** Attempts of one delivery, over about six hours. */
const MAX_TRIES = 8;

/** Delivers logout tokens to clients (OIDC Back-Channel Logout §2.5 to §2.8). */
export function createLogoutDelivery(deps: DeliveryDeps): DeliverDue {
  const { db, clock, onAttempt = () => {} } = deps;
  return createOutbox<LogoutPayload>({
    db,
    clock,
    topic: LOGOUT_TOPIC,
    limits: LIMITS,
    maxTries: MAX_TRIES,
    send: (delivery) => send(deps, delivery),
    onAttempt: (outcome, { payload: { clientId }, tries }, error) => onAttempt(outcome, { clientId, tries, error }),
  });
}

/** A client as the delivery needs it. */
interface LogoutClient {
  /** Null when the client has no URI any more, or is disabled. */
  readonly uri: string | null;
  readonly alg: Alg;
}

const clientStatement: Statement = {
  name: 'oauth-logout-client',
  text: `select case when c.is_active then c.settings ->> 'backchannelLogoutUri' end as uri, coalesce(c.settings ->> 'idTokenAlg', 'RS256') as alg
    from oauth_client c where c.id = $1::uuid`,
};

async function send(deps: DeliveryDeps, delivery: LogoutDelivery): Promise<DeliveryError | null> {
  const [client] = await deps.db.query<LogoutClient>(clientStatement, [delivery.target]);
  // It was deleted while the session ended.
  if (!client || client.uri === null) return { code: 'no_uri', isFinal: true };
  const code = await post(deps.fetch, client.uri, () => signLogoutToken(deps, client.alg, delivery));
  return code === null ? null : { code };
}

/** Returns the error; null when the client has accepted the token. */
async function post(fetch: GuardedFetch, uri: string, token: () => string): Promise<string | null> {
  try {
    const { status } = await fetch({ url: uri, form: { logout_token: token() }, maxBytes: 0 });
    // OIDC Back-Channel Logout §2.8: 200; some frameworks send 204 for an empty response.
    return status === 200 || status === 204 ? null : `status_${status}`;
  } catch (error) {
    if (error instanceof FetchError) return error.code;
    // The algorithm has no key yet: a running server makes one.
    if (error instanceof NotReady) return 'no_key';
    throw error;
  }
}

/** OIDC Back-Channel Logout §4: two minutes at most, against replay. */
const LIFE_SECONDS = 120;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * Signs a logout token (OIDC Back-Channel Logout §2.4). Its `typ` tells it from every other JWT of Signet, and it has
 * no `nonce`. `jti` is the delivery's id: the client recognizes a repeated attempt by it.
 */
function signLogoutToken(
  { keys, issuer, clock }: DeliveryDeps,
  alg: Alg,
  { id, payload: { clientId, sub, sid } }: LogoutDelivery,
): string {
  const iat = numericDate(clock.now());
  return signJwt(keys, 'logout+jwt', alg, {
    iss: issuer,
    aud: clientId,
    iat,
    exp: iat + LIFE_SECONDS,
    jti: id,
    events: { [EVENT]: {} },
    sub,
    sid,
  });
}
