import { VerifierError } from './errors.ts';
import type { User } from './user.ts';

/** What a route requires beyond a valid token. */
export interface Demand {
  /** All of these permissions, as in `hasPerms`. */
  readonly perms?: string | readonly string[];
  /** RFC 9470 `max_age`: the maximum age of the login. A token without the time of login does not satisfy it. */
  readonly maxAgeSeconds?: number;
  /** RFC 9470 `acr_values`: the login has one of these. */
  readonly acrValues?: readonly string[];
}

/** A token and its authentication scheme. */
export interface PresentedToken {
  readonly token: string;
  /** RFC 9449 §7.1: by the scheme DPoP, with a proof of its key. */
  readonly isByProof: boolean;
}

/** Reads the token of an Authorization header (RFC 6750 §2.1, RFC 9449 §7.1). Throws `token_missing`, `token_repeated` or `token_malformed`. */
export function presentedToken(authorization: string | readonly string[] | undefined): PresentedToken {
  const all = typeof authorization === 'string' ? [authorization] : (authorization ?? []);
  if (all.length > 1) throw new VerifierError('token_repeated');
  const [header] = all;
  if (header === undefined || !/^(bearer|dpop)(?: |$)/i.test(header)) throw new VerifierError('token_missing');
  const isByProof = /^dpop/i.test(header);
  const token = /^(?:bearer|dpop) +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw new VerifierError('token_malformed', { isByProof });
  return { token, isByProof };
}

/**
 * Throws unless the user meets the demand. A missing permission is 401 if a newer token may have it, so that the caller refreshes and
 * retries; otherwise it is 403.
 */
export function requireDemand(
  user: User,
  { perms = [], maxAgeSeconds, acrValues }: Demand,
  nowMs: number,
  isByProof = false,
): void {
  const required = typeof perms === 'string' ? [perms] : perms;
  if (!user.hasPerms(required)) {
    const missing = required.filter((name) => !user.hasPerm(name));
    throw new VerifierError(user.isSuperseded ? 'permission_superseded' : 'permission_denied', {
      perms: missing,
      isByProof,
    });
  }
  const isRecent =
    maxAgeSeconds === undefined || (user.authTime !== null && nowMs / 1000 - user.authTime <= maxAgeSeconds);
  const isStrong = acrValues === undefined || (user.acr !== null && acrValues.includes(user.acr));
  if (!isRecent || !isStrong)
    throw new VerifierError('authentication_insufficient', { maxAgeSeconds, acrValues, isByProof });
}
