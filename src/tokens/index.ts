/**
 * tokens: what is said of one.
 * Owns: signing keys (sealed under the master key) and the JWKS, the claims of access tokens, their signing and verification.
 * Does not own: who may ask for a token (api, oauth), nor what the permissions mean (access).
 * Standards: RFC 7515, 7517, 7519, 7638, 8725, 9068.
 */
export {
  type AccessToken,
  ANY_ID,
  draftAccessToken,
  type OverBudget,
  signAccessToken,
  verifyAccessToken,
} from './access-token.ts';
export { type AccessTokenClaims, OWN_CLIENT, type PermissionsBitmap, type TokenRequest } from './claims.ts';
export { RevokedToken, SigningKey } from './entities.ts';
export { createKeyRing, type KeyRing } from './keys/ring.ts';
export { countKeys, ensureCurrentKey, listKeys, openKeys } from './keys/signing-key.ts';
export { purgeRevoked } from './purge.ts';
export { revokeToken } from './revoked.ts';
