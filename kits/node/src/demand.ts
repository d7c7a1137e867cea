import { VerifierError } from './errors.ts';
import type { User } from './user.ts';

/** What a route asks for, beyond a good token. */
export interface Demand {
  /** All of them, as `hasPerms`. */
  readonly perms?: string | readonly string[];
  /** RFC 9470 `max_age`: the login may be so many seconds ago. A token that does not say when it was is not enough. */
  readonly maxAgeSeconds?: number;
  /** RFC 9470 `acr_values`: the login is one of these. */
  readonly acrValues?: readonly string[];
}

/** A token, and by which scheme it came. */
export interface PresentedToken {
  readonly token: string;
  /** RFC 9449 §7.1: with a proof of the key that it is bound to. */
  readonly isByProof: boolean;
}

/** RFC 6750 §2.1, RFC 9449 §7.1. Throws `token_missing`, `token_repeated` or `token_malformed`. */
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
 * Throws unless the user meets the demand. Lacking a permission while a newer token would say more is 401, so that the caller
 * refreshes and asks again; lacking it plainly is 403.
 */
export function meets(
  user: User,
  { perms = [], maxAgeSeconds, acrValues }: Demand,
  nowMs: number,
  isByProof = false,
): void {
  const wanted = typeof perms === 'string' ? [perms] : perms;
  if (!user.hasPerms(wanted)) {
    const missing = wanted.filter((name) => !user.hasPerm(name));
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
