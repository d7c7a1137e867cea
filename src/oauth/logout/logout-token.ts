import { numericDate } from '../../platform/time.ts';
import { type KeyRing, signJwt } from '../../tokens/index.ts';
import type { Notice } from './notices.ts';

/** OIDC Back-Channel Logout §4: at the most two minutes, so that an old one cannot be played again. */
const LIFE_SECONDS = 120;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * A logout token (OIDC Back-Channel Logout §2.4). Its `typ` tells it from every other JWT of Signet's, and there is never a `nonce`.
 * The `jti` is the notice's own: a client that has seen it knows that this is another try.
 */
export function signLogoutToken(keys: KeyRing, issuer: string, notice: Omit<Notice, 'uri'>, now: Date): string {
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
