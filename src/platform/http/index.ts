/**
 * http: the rules for every route, in any room.
 * Owns: the server, strict reading of bodies and queries, the issuer's path, the cross-origin rule, the form of the session cookie, problem
 *   documents (RFC 9457), and how routes become openapi.yaml.
 * Does not own: any route.
 * Standards: RFC 6265bis, 8259, 9110, 9457; Fetch Metadata; OpenAPI 3.1.
 */
export type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify';
export { acceptedWeight, prefersNamed, takesGzip } from '../media-type.ts';
export { basePath, type HttpErrors, stripBasePath } from './base-path.ts';
export { type BrowserCookie, flowCookie, type SessionCookie, sessionCookie } from './cookie.ts';
export { allowAnyOrigin, allowOrigins, isCrossOrigin, sameOrigin } from './cors.ts';
export { acceptForms, acceptPairs, formPairs, type RepeatedNameError } from './input.ts';
export { type DescribeRefusal, logOAuthRefusal } from './log-refusals.ts';
export { descriptionText, OAUTH_STATUS, OAuthError, type OAuthErrorCode } from './oauth-errors.ts';
export { dpopHeader, handleOAuthErrors, oauthScope, offerNonce, readForm } from './oauth-scope.ts';
export { describeRoutes, type OpenapiTexts, openapiDocument, openapiYaml } from './openapi/describe.ts';
export type { JsonSchema, OpenapiDocument, Operation } from './openapi/document.ts';
export { type PageError, renderErrorsAsPages } from './page-errors.ts';
export {
  type FieldProblem,
  PROBLEM_STATUS,
  Problem,
  type ProblemCode,
  type ProblemWords,
  type RequestFaults,
  tryLater,
} from './problems.ts';
export { notModified, sendDocument, servePublic } from './public-document.ts';
export { type App, createServer, type ServerOptions, stringifyResponse } from './server.ts';
