/**
 * tokens: what is said of one.
 * Owns: signing keys (sealed under the master key) and the JWKS, the claims of access tokens, their signing and verification,
 * and whether one is still good.
 * Does not own: who may ask for a token (api, oauth), nor what the permissions mean (access).
 * Standards: RFC 7515, 7517, 7519, 7638, 8725, 9068.
 */
export {
  type AccessToken,
  budgetExcess,
  type OverBudget,
  signAccessToken,
  tokenBytes,
  verifyAccessToken,
} from './access-token.ts';
export { type ActiveToken, type ClientLookup, findActiveToken } from './bearer.ts';
export { type AccessTokenClaims, OWN_CLIENT, type TokenRequest } from './claims.ts';
export { RevokedToken, SigningKey } from './entities.ts';
export { createKeyRing, type KeyRing } from './keys/ring.ts';
export { countKeys, ensureCurrentKey, listKeys, openKeys } from './keys/signing-key.ts';
export { purgeRevoked } from './purge.ts';
export { isRevoked, revokeToken } from './revoked.ts';
