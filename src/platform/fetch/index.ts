/**
 * fetch: outgoing requests to servers that a client named (`jwks_uri`, back-channel logout).
 * Owns: which targets are allowed, the connection to the checked address, limits of time and bytes.
 * Does not own: what is requested, or what a response means.
 * Standards: OWASP Server-Side Request Forgery Prevention; RFC 4291, 6052, 6890, 9110.
 */
export { FetchError, type FetchErrorCode } from './fetch-error.ts';
export {
  createGuardedFetch,
  type FetchOptions,
  type FetchRequest,
  type FetchResponse,
  type GuardedFetch,
} from './guarded.ts';
