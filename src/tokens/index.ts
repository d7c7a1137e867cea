/**
 * tokens: access tokens, ID tokens, refresh grants and their status.
 * Owns: signing keys (sealed under the master key), their rotation and the JWKS; the claims, signature and verification of access and
 * ID tokens; families of refresh tokens; status lists, which show verifiers that a token was revoked or its rights have changed.
 * Does not own: who may request a token (api, oauth), nor the meaning of permissions (permissions).
 * Neighbours: permissions and sessions below; oauth and api above.
 * Standards: RFC 7515, 7517, 7519, 7638, 8725, 9068; draft-ietf-oauth-status-list-21.
 */
export {
  type AccessToken,
  createVerifier,
  draftAccessToken,
  type OverBudget,
  PLACEHOLDER_ID,
  signAccessToken,
  tokenKid,
  type VerifyToken,
  verifyAccessToken,
} from './access-token.ts';
export { type SignedCatalogue, signCatalogue } from './catalogue-jwt.ts';
export {
  type AccessTokenClaims,
  type Actor,
  grantedScope,
  hasUserActor,
  OWN_CLIENT,
  type PermissionsBitmap,
  type TokenRequest,
  type TokenUser,
  USER_SCOPES,
} from './claims.ts';
export { RefreshGrant, type RequestedClaims, RevokedToken, SigningKey, TokenStatus } from './entities.ts';
export type { StatusListErrors, TokenErrors } from './errors.ts';
export {
  endClient,
  endGrants,
  endSessionGrants,
  type GrantEndReason,
  type GrantLife,
  lastGrantUse,
  listGrants,
  type NewGrant,
  openGrant,
} from './grants/grants.ts';
export { type GrantState, readGrant, rotateGrant, useGrant } from './grants/queries.ts';
export { redeemGrant, redemptionStatement } from './grants/redeem.ts';
export { deriveRefreshKey, type RefreshKey, readRefreshToken, refreshToken } from './grants/refresh-token.ts';
export { draftIdToken, signIdToken } from './id-token.ts';
export { type IdTokenHint, readIdTokenHint } from './id-token-hint.ts';
export { type IssueDeps, type IssueRequest, issueAccessToken, issueWithRetry, overBudget } from './issue.ts';
export { signJwt } from './keys/jwt.ts';
export { getLiveKey, revokeKey } from './keys/revoke.ts';
export { rewrapKeys } from './keys/rewrap.ts';
export { createKeyRing, type KeyRing } from './keys/ring.ts';
export {
  advanceKeys,
  clientAlgorithms,
  ensureCurrentKey,
  hasCurrentKey,
  KEYS_TOPIC,
  requiredAlgorithms,
  rotateKeys,
} from './keys/rotate.ts';
export { RETIREMENT_SECONDS, type RotationPolicy, type Step } from './keys/rotation.ts';
export { type Alg, countKeys, createSign, listKeys, openKeys, type Sign } from './keys/signing-key.ts';
export { purgeTokens } from './purge.ts';
export {
  allocateExchangedIndex,
  type DelegationChain,
  isExchangeable,
  isStillExchangeable,
} from './status/delegation.ts';
export { createStatusLists, type StatusLists } from './status/lists.ts';
export {
  revokeToken,
  STATUS,
  STATUS_TOPIC,
  suspendIndex,
  updateClientStatuses,
  updateStatuses,
} from './status/set-status.ts';
export {
  allocateIndex,
  type IssueSnapshot,
  readIssueSnapshot,
  readStatusOwner,
  type StatusIndex,
  type StatusOwner,
  statusIndexFromClaim,
} from './status/status-index.ts';
export { NO_API, tokenAudience, USERINFO, userinfoRights, userinfoUrl } from './userinfo-api.ts';
export { grantView, statusView, tokenRevoked } from './views.ts';
