/**
 * api: the JSON API of first-party apps, `/api/v1`: sign-up, login, session, tokens, has_perm, the own account.
 * Owns: the routes, their wire names.
 * Does not own: any rule; each route reads its input, calls one verb below and says the outcome.
 * Standards: RFC 6265bis (cookies), RFC 6750 (bearer), RFC 9457 (problems).
 */
export { clientIfAny } from './authentication.ts';
export type { ApiDeps } from './requests.ts';
