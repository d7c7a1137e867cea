/**
 * api: the JSON API of first-party apps, `/api/v1`: sign-up, login, session, tokens, has_perm, the user's account.
 * Owns: the routes and their wire names, and the words of every problem, those of lower rooms too.
 * Does not own: any rule; each route reads its input, calls one function of a lower room and maps the result.
 * Standards: RFC 6265bis (cookies), RFC 6750 (bearer), RFC 9457 (problems).
 */
export { optionalClientId } from './authentication.ts';
export { openapiTexts } from './openapi.ts';
export { domainProblem, PROBLEMS, problemWords } from './problems.ts';
export type { ApiDeps } from './requests.ts';
