/**
 * http: what holds for every route, whoever mounts it.
 * Owns: the server, strict reading of bodies and queries, the issuer's path, the one cross-origin rule, the session cookie's form, the family of problems (RFC 9457),
 *   and how routes become openapi.yaml.
 * Does not own: any route.
 * Standards: RFC 6265bis, 8259, 9110, 9457; Fetch Metadata; OpenAPI 3.1.
 */
export type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify';
export { acceptedWeight, prefersNamed, takesGzip } from './accept.ts';
export { allowAnyOrigin } from './any-origin.ts';
export { basePath, withoutBase } from './base-path.ts';
export { type BrowserCookie, flowCookie, type SessionCookie, sessionCookie } from './cookie.ts';
export { dpopHeader, offerNonce } from './dpop-header.ts';
export { acceptForms, acceptPairs, formPairs } from './input.ts';
export { descriptionText, OAUTH_ERRORS, OAuthError, type OAuthErrorCode, type RefusalReason } from './oauth-errors.ts';
export { logOAuthRefusal, type NoteRefusal } from './oauth-refusals.ts';
export { answerOAuthErrors, oauthScope, readForm } from './oauth-scope.ts';
export { describeRoutes, openapiDocument, openapiYaml } from './openapi/describe.ts';
export type { JsonSchema, OpenapiDocument, Operation } from './openapi/document.ts';
export { answerErrorsAsPages, type PageError } from './page-errors.ts';
export { type FieldProblem, PROBLEMS, Problem, type ProblemCode, tryLater } from './problems.ts';
export { sendDocument, servePublic, unchanged } from './public-document.ts';
export { isFromElsewhere, sameOrigin } from './same-origin.ts';
export { asBuilt } from './serialize.ts';
export { type App, createServer, type ServerOptions } from './server.ts';
export { allowOrigins } from './trusted-origins.ts';
