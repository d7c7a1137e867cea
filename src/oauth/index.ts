/**
 * oauth: the endpoints of OAuth 2.0 and OpenID Connect.
 * Owns: clients and their secrets, client authentication, authorization, consent, the token endpoint, introspection, revocation,
 * userinfo, discovery, registration, and the publication of a catalogue.
 * Does not own: the content of tokens (tokens), nor the permissions of their subjects (permissions).
 * Neighbours: tokens below; api and the command line above.
 * Standards: RFC 6749, 7009, 7523, 7591, 7662, 8414, 8707, 9068, 9449, 9700; OpenID Connect Discovery.
 */
export { type ActiveToken, findActiveToken, type TokenReader } from './active-token.ts';
export { createAssertions } from './assertion/assertions.ts';
export { keySetFetch } from './assertion/remote-keys.ts';
export {
  answerInteraction,
  authorize,
  continueInteraction,
  loadInteraction,
  type NextStep,
} from './authorize/authorize.ts';
export type { ConsentPrompt } from './authorize/decide.ts';
export { formTargets } from './authorize/redirect-uri.ts';
export type { AuthorizationRequest, AuthorizeEndpoint, ResolvedRequest } from './authorize/request.ts';
export { type AuthorizationResponse, responseLocation } from './authorize/response.ts';
export { authenticateToken, presentedToken, type TokenAuthDeps } from './bearer.ts';
export { dryRunPublication, type Publication, publishCatalogue, type RemovedAssignment } from './catalogue/publish.ts';
export { authenticateClient } from './client-auth.ts';
export { CLIENT_JWS_ALGS } from './client-jws.ts';
export { allowPermissions, disallowPermissions, readBoundary } from './clients/boundary.ts';
export { type ClientCache, createClientCache, type LiveClient } from './clients/cache.ts';
export {
  type ClientChange,
  createClient,
  deleteClient,
  getClient,
  listClients,
  type NewClient,
  readAudiences,
  updateClient,
} from './clients/clients.ts';
export type { ClientErrors } from './clients/errors.ts';
export { readJwks } from './clients/jwks.ts';
export {
  type ClientOfApi,
  type ClientWithPerm,
  clientsOfApi,
  clientsWithPerm,
  detachClients,
  isServedBy,
} from './clients/lookup.ts';
export { grantNames, type Preset, presets } from './clients/presets.ts';
export { isClientSecret, listSecrets, OVERLAP_SECONDS, rotateSecret } from './clients/secrets.ts';
export {
  type ClientSettings,
  clientMetadata,
  clientSettings,
  PKCE_RULES,
  type PkceRule,
  pkceSettings,
} from './clients/settings.ts';
export { checkRedirects, type RedirectRules } from './clients/uris.ts';
export { listAuthorizedClients } from './consent/authorized-clients.ts';
export { deleteConsents, revokeConsent } from './consent/consent.ts';
export {
  decideDevice,
  findPendingDevice,
  findRecentDecision,
  type PendingDevice,
  type UserDecision,
} from './device/decide.ts';
export { formatUserCode, parseUserCode } from './device/user-code.ts';
export { crossOriginPaths } from './discovery.ts';
export { type ClientDocuments, createClientDocuments } from './documents/documents.ts';
export type { RequestOrigin } from './documents/requesting-client.ts';
export { documentHost, isDocumentClient } from './documents/url.ts';
export { createProofs, type Proofs } from './dpop/proofs.ts';
export { Client, ClientSecret } from './entities.ts';
export { ERROR_MEANINGS } from './error-meanings.ts';
export { oauthError, type RefusalReason } from './errors.ts';
export { purgeOauth } from './purge.ts';
export { createDescribeRefusal, type FindRemedy } from './refusals.ts';
export { createInitialToken, listInitialTokens, revokeInitialToken } from './register/initial-tokens.ts';
