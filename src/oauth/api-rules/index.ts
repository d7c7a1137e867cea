/**
 * api-rules: what clients demand of APIs.
 * Owns: the rules that hold between a client and its APIs, whichever of the two changes; they are plugged into the ports of access.
 * Does not own: clients, whose rows it reads. Every command loads these ports, and must not load the server with them.
 * Standards: RFC 8725 §3.11, RFC 9068 §4.
 */

export { isAnyOfTypJwt, requireDistinctIdTokens, requireNoPermissionsInIdTokens } from './id-token-permissions.ts';
export { requireNoApiNamed, requireNoClientNamed } from './one-namespace.ts';
