/**
 * tokens: what is said of one.
 * Owns: signing keys (sealed under the master key) and the JWKS, the claims of access tokens, their signing and verification.
 * Does not own: who may ask for a token (api, oauth), nor what the permissions mean (access).
 * Standards: RFC 7515, 7517, 7519, 7638, 8725, 9068.
 */
export {
  type AccessToken,
  ANY_ID,
  createVerify,
  draftAccessToken,
  type OverBudget,
  signAccessToken,
  type Verify,
  verifyAccessToken,
} from './access-token.ts';
export { type SignedCatalogue, signCatalogue } from './catalogue-jwt.ts';
export { type AccessTokenClaims, OWN_CLIENT, type PermissionsBitmap, type TokenRequest } from './claims.ts';
export { RevokedToken, SigningKey } from './entities.ts';
export { getLiveKey, revokeKey } from './keys/revoke.ts';
export { rewrapKeys } from './keys/rewrap.ts';
export { createKeyRing, type KeyRing } from './keys/ring.ts';
export { advanceKeys, askedAlgorithms, ensureCurrentKey, hasCurrentKey, rotateKeys } from './keys/rotate.ts';
export { RETIREMENT_SECONDS, type RotationPolicy, type Step } from './keys/rotation.ts';
export { type Alg, countKeys, listKeys, openKeys } from './keys/signing-key.ts';
export { purgeRevoked } from './purge.ts';
export { revokeToken } from './revoked.ts';
