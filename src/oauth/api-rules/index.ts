/**
 * api-rules: what clients require of APIs and keys.
 * Owns: the rules between a client and its APIs, whichever of the two changes, and the algorithms that clients use. They are bound to
 *   ports of permissions and tokens.
 * Does not own: clients, whose rows it reads. Every command loads these ports, and must not load the server with them.
 * Standards: RFC 8725 §3.11, RFC 9068 §4.
 */
export {
  type ApiRuleErrors,
  hasJwtTypApi,
  listClientAlgorithms,
  requireDistinctIdTokens,
  requireNoAudience,
  requireNoClientId,
  requireNoPermissionsInIdTokens,
} from './rules.ts';
