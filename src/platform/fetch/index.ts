/**
 * fetch: what Signet asks of other servers, because a client said so (`jwks_uri`, back-channel logout).
 * Owns: which targets it goes to, the one connection to the address that was checked, the bounds on time and bytes.
 * Does not own: what is asked, nor what an answer means.
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
