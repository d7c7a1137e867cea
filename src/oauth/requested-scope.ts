import type { ApiSnapshot } from '../permissions/index.ts';
import { USER_SCOPES } from '../tokens/index.ts';
import { oauthError } from './errors.ts';

/** The names of a `scope` parameter (RFC 6749 §3.3), each once. */
export function scopeNames(scope: string | null | undefined): string[] {
  return [...new Set((scope ?? '').split(' ').filter((one) => one !== ''))];
}

/**
 * RFC 6749 §5.2, for a first request: `invalid_scope` when no requested name is known here and allowed for this client.
 * Other names, and those that the user lacks, are dropped, and the response states the granted scope.
 */
export function requireAllowedScope(names: readonly string[], allowed: readonly string[]): void {
  if (names.length > 0 && allowed.length === 0) throw oauthError('scope_not_allowed');
}

/**
 * Returns the part of a granted scope that a later request asks for (RFC 6749 §6, RFC 8693 §2.1); without a `scope`
 * parameter, all of it. An OpenID scope that was not granted is `invalid_scope`; every other name that was not granted
 * is dropped. `api`: the API of the grant; unless its tokens carry permissions as scopes, permissions were granted
 * without being named.
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
    throw oauthError('scope_not_granted');
  return names.filter((one) => api.format !== 'scope' || grantedNames.includes(one)).join(' ');
}
