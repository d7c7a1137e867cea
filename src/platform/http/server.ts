import { randomUUID } from 'node:crypto';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { DomainError, NotReady } from '../errors.ts';
import { quote } from '../text.ts';
import { rejectOwnPath, stripBasePath } from './base-path.ts';
import { readClientAddress } from './client-address.ts';
import { handleClientErrors } from './client-errors.ts';
import { acceptJson, checkQuery, wrongType } from './input.ts';
import { type DescribeRefusal, logOAuthRefusal, logRefusal } from './log-refusals.ts';
import { OAuthError } from './oauth-errors.ts';
import { Problem, type ProblemCode, type ProblemWords, requestFault, tryLater } from './problems.ts';
import { RequestLog } from './request-log.ts';
import { watchResponses } from './responses.ts';

export interface ServerOptions {
  readonly log: FastifyBaseLogger;
  /** Trusted proxies: addresses, networks and named ranges whose `X-Forwarded-For` is used. */
  readonly trustProxy: readonly string[];
  /** Allowed host names; null = any (a proxy in front decides). */
  readonly hosts: readonly string[] | null;
  /** How long a request may wait for a password hash; its response may be later by this time. */
  readonly hashWaitMilliseconds: number;
  /** Describes OAuth refusals for the log. */
  readonly describeRefusal: DescribeRefusal;
  /** Returns the problem of a refusal of the domain that a route did not handle. */
  readonly domainProblem: DomainProblem;
  readonly problemWords: ProblemWords;
  /** The path of the issuer; empty if it has none. */
  readonly basePath: string;
  /** PEM: if set, the server uses https (in development; in production a proxy does). */
  readonly https?: { readonly key: string; readonly cert: string };
}

type DomainProblem = (error: DomainError) => Problem;

declare module 'fastify' {
  interface FastifyInstance {
    domainProblem: DomainProblem;
    problemWords: ProblemWords;
  }
}

const BODY_LIMIT = 64 * 1024;

/**
 * The longest time for a response beyond waiting for a hash; then it is 503, whatever is still running. The database's own timeouts end
 * earlier: this one covers a database that hangs.
 */
const RESPONSE_TIMEOUT_MS = 9000;

/** Creates a server with the rules for every route: strict input, problem documents, 405, no-store, request ids. */
export function createServer(options: ServerOptions) {
  const app = fastify({
    loggerInstance: options.log,
    childLoggerFactory: (parent, bindings) => new RequestLog(parent, bindings) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    genReqId: () => randomUUID(),
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    http: duplicateHeaders,
    ...(options.https ? { https: { ...duplicateHeaders, ...options.https } as never } : {}),
    ...(options.basePath === '' ? {} : { rewriteUrl: stripBasePath(options.basePath) }),
    routerOptions: { maxParamLength: 255, ignoreTrailingSlash: false, caseSensitive: true },
    clientErrorHandler: handleClientErrors(options.log, options.problemWords) as never,
    // Requests that the router refuses bypass the hooks below.
    frameworkErrors: (error, request, reply) => {
      const [fastifyRequest, fastifyReply] = [request as FastifyRequest, reply as unknown as FastifyReply];
      setDefaultHeaders(fastifyRequest, fastifyReply);
      // The message repeats the path, which may contain a secret: the log gets only the code.
      error.message = error.code;
      sendError(error as FastifyError, fastifyRequest, fastifyReply);
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.decorate('describeRefusal', options.describeRefusal);
  app.decorate('domainProblem', options.domainProblem);
  app.decorate('problemWords', options.problemWords);
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  readClientAddress(app, options.trustProxy);
  if (options.basePath !== '') rejectOwnPath(app, options.basePath);
  acceptJson(app);
  app.setErrorHandler(sendError);
  answerWrongMethods(app);

  watchResponses(app, RESPONSE_TIMEOUT_MS + options.hashWaitMilliseconds);

  // Synchronous hooks call back instead of returning a promise: each promise costs every request a turn of the queue.
  app.addHook('onRequest', (request, reply, done) => {
    setDefaultHeaders(request, reply);
    checkHost(request);
    if (options.hosts && !options.hosts.includes(hostName(request.headers.host ?? '')))
      throw new Problem('misdirected', { detail: requestFault('host_not_local', { hosts: options.hosts }) });
    done();
  });
  app.addHook('preValidation', (request, _reply, done) => {
    checkQuery(request);
    done();
  });
  return app;
}

export type App = ReturnType<typeof createServer>;

function setDefaultHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply
    .header('x-request-id', request.id)
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer');
}

/**
 * Options of Node's server. A repeated single-value field (`Host`, `Content-Type`, `Authorization`, …) is joined, and so its reader rejects
 * it; by default Node silently keeps the first. A request without `Host` reaches `checkHost`.
 */
const duplicateHeaders = { joinDuplicateHeaders: true, requireHostHeader: false } as const;

/** A name, an IPv4 or IPv6 address, and an optional port (RFC 3986 §3.2.2, with names as in DNS). */
const hostPattern = /^(?:\[[\da-f:.]{2,45}\]|[\w.~-]{1,255})(?::\d{0,5})?$/i;

/** RFC 9112 §3.2: exactly one valid `Host`, otherwise 400. HTTP/1.0 has none. */
function checkHost({ headers: { host }, raw }: FastifyRequest): void {
  if (host === undefined ? raw.httpVersion === '1.0' : hostPattern.test(host)) return;
  throw new Problem('bad_request', { detail: requestFault('host_invalid') });
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

/** Responds 405 with `Allow` (RFC 9110 §15.5.6), not 404, to a path that exists with another method. */
function answerWrongMethods(app: App): void {
  const routes: { path: RegExp; methods: string[]; isOAuth: boolean }[] = [];
  app.addHook('onRoute', ({ url, method, schema }) => {
    const path = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);
    routes.push({ path, methods: [method].flat(), isOAuth: schema?.oauthErrors !== undefined });
  });
  const respond = (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] as string;
    const matching = routes.filter((route) => route.path.test(path));
    if (matching.length === 0) return reply.send(new Problem('not_found'));
    const allow = [...new Set(matching.flatMap((route) => route.methods))].sort().join(', ');
    const fault = requestFault('method_wrong', { allow });
    if (!matching.some((route) => route.isOAuth))
      return reply.send(new Problem('method_not_allowed', { detail: fault, headers: { allow } }));
    // OAuth clients expect OAuth's error format (RFC 6749 §5.2).
    const refusal = new OAuthError('invalid_request', app.problemWords.detail(fault));
    logOAuthRefusal(request, refusal);
    return reply
      .code(405)
      .headers({ allow, pragma: 'no-cache' })
      .type('application/json')
      .send(JSON.stringify(refusal.body()));
  };
  app.setNotFoundHandler((request, reply) => void respond(request, reply));
  // Before the body is read: its type and content make no difference.
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!request.is404) return done(null, payload);
    // The rest of the body is not read.
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    if (length !== '0' || coding !== undefined) void reply.header('connection', 'close');
    void respond(request, reply);
  });
}

/** Sends the problem document for an error, without anything that the caller may not know. */
function sendError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, request);
  logRefusal(request, problem.status, problem.code, error);
  for (const [name, value] of Object.entries(problem.extra.headers ?? {})) void reply.header(name, value);
  void reply
    .code(problem.status)
    .type('application/problem+json')
    .send(JSON.stringify(problem.body(request.server.problemWords)));
}

/** Maps any error to a problem. */
export function toProblem(error: Partial<FastifyError> & Error, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof DomainError) return request.server.domainProblem(error);
  if (error.validation) return validationProblem(error);
  const status = error.statusCode ?? 500;
  // Before outages: a truncated body also has the code of a broken connection.
  if (status === 415) return wrongType(request);
  if (status >= 400 && status <= 499)
    return new Problem(frameworkCodes[status] ?? 'bad_request', { reason: error.message });
  if (isOutage(error)) return tryLater('unavailable', 2, error.message);
  return new Problem('internal', { reason: error.message });
}

/** Codes for Fastify's own errors. 414 is a path segment longer than any id: no resource has that name. */
const frameworkCodes: Record<number, ProblemCode> = {
  413: 'too_large',
  414: 'not_found',
};

interface SchemaError {
  keyword: string;
  instancePath: string;
  message?: string;
  params: { additionalProperties?: string[]; requiredProperties?: string[] };
}

/** Maps schema errors, each with a pointer to its field. */
function validationProblem(error: Partial<FastifyError>): Problem {
  // An additional field is reported twice, once as the schema `false`.
  const schemaErrors = (error.validation as unknown as SchemaError[]).filter((one) => one.keyword !== 'boolean');
  const errors = schemaErrors.flatMap(({ keyword, instancePath, message, params }) => {
    const fields = params.additionalProperties ?? params.requiredProperties ?? [null];
    return fields.map((field) => ({
      pointer: quote(pointerTo(instancePath, field), MAX_POINTER_LENGTH),
      code: codes[keyword] ?? 'invalid',
      detail: faults[keyword] ?? requestFault('field_invalid', { rule: message ?? null }),
    }));
  });
  return new Problem('invalid', { errors: errors.slice(0, 20), reason: `${error.validationContext} refused` });
}

/** It contains names from the caller. */
const MAX_POINTER_LENGTH = 512;

/** Returns a JSON pointer, escaped as in RFC 6901. */
function pointerTo(path: string, field: string | null): string {
  return field === null ? path : `${path}/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

const codes: Record<string, string> = {
  required: 'required',
  additionalProperties: 'unknown_field',
  maxLength: 'max_length',
  minLength: 'min_length',
};
const faults: Record<string, DomainError> = {
  required: requestFault('field_missing'),
  additionalProperties: requestFault('field_unknown'),
};

/**
 * Returns whether an error is an outage. The database cannot be reached, or closed the connection: PostgreSQL classes 08, 53 and 57P, a
 * missing database (3D000), refused login (28), and socket errors. Or it is too slow: a timeout (57014, 55P03), a serialization failure or
 * deadlock (40001, 40P01). Or it is read-only, as one that has just become a standby (25006).
 */
function isOutage(error: Error): boolean {
  if (error instanceof NotReady) return true;
  if (error instanceof Problem) return error.code === 'unavailable';
  for (let next: unknown = error; next instanceof Error; next = (next as { cause?: unknown }).cause) {
    const code = (next as { code?: string }).code ?? '';
    if (
      /^(08|53|57P|57014|55P03|40001|40P01|25006|3D000|28)/.test(code) ||
      ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].includes(code)
    )
      return true;
    if (
      /^(Connection terminated|timeout exceeded when trying to connect|Client (has encountered a connection error|was closed))/.test(
        next.message,
      )
    )
      return true;
  }
  return false;
}

/**
 * Route option: the response is written with JSON.stringify. For a union of shapes Fastify's serializer would validate every response
 * against each shape; tests compare responses with the document instead.
 */
export const stringifyResponse = { serializerCompiler: () => (reply: unknown) => JSON.stringify(reply) } as const;
