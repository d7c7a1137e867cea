import type { ApiSnapshot } from '../permissions/index.ts';
import { OAuthError } from '../platform/http/index.ts';
import { USER_SCOPES } from '../tokens/index.ts';

/** The names of a `scope` parameter (RFC 6749 §3.3), each once. */
export function scopeNames(scope: string | null | undefined): string[] {
  return [...new Set((scope ?? '').split(' ').filter((one) => one !== ''))];
}

/**
 * RFC 6749 §5.2, for a first request: `invalid_scope` when not one of the names means anything here, or nothing that this client may
 * ask for. Of the others those are left out, and the answer says what is left; so is what the user lacks.
 */
export function requireAllowedScope(names: readonly string[], allowed: readonly string[]): void {
  if (names.length > 0 && allowed.length === 0)
    throw new OAuthError('invalid_scope', 'No scope of this request is known here and open to this client.');
}

/**
 * What a later request may have of what was granted (RFC 6749 §6, RFC 8693 §2.1); nothing asked is all of it. OpenID's scopes that its user
 * was not asked for are `invalid_scope`: that is more than was granted. Every other name that was not granted is left out. `of`: the API that
 * it was granted for; unless its tokens say permissions as scopes, they were granted without being named.
 */
export function narrowScope(
  granted: string | null | undefined,
  requested: string | undefined,
  api: Pick<ApiSnapshot, 'format'>,
): string | undefined {
  if (requested === undefined) return granted ?? undefined;
  const grantedNames = scopeNames(granted);
  const names = scopeNames(requested);
  if (names.some((one) => USER_SCOPES.includes(one) && !grantedNames.includes(one)))
    throw new OAuthError('invalid_scope', 'This may ask for less than was granted, not for more.');
  return names.filter((one) => api.format !== 'scope' || grantedNames.includes(one)).join(' ');
}
