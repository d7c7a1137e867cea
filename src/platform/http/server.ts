import { randomUUID } from 'node:crypto';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { Failure, NotReady } from '../errors.ts';
import { quote } from '../text.ts';
import { refuseOwnPath, withoutBase } from './base-path.ts';
import { readClientAddress } from './client-address.ts';
import { answerClientErrors } from './client-errors.ts';
import { acceptJson, checkQuery, wrongType } from './input.ts';
import { type DescribeRefusal, logOAuthRefusal, logRefusal } from './log-refusals.ts';
import { OAuthError } from './oauth-errors.ts';
import { Problem, type ProblemCode, tryLater } from './problems.ts';
import { RequestLog } from './request-log.ts';
import { watchAnswers } from './responses.ts';

export interface ServerOptions {
  readonly log: FastifyBaseLogger;
  /** Addresses, networks and names of ranges whose `X-Forwarded-For` is believed. */
  readonly trustProxy: readonly string[];
  /** Host names that are answered; null = any (a proxy in front decides). */
  readonly hosts: readonly string[] | null;
  /** How long a request may wait for a password hash: by so much its answer may come later. */
  readonly hashWaitMilliseconds: number;
  /** What the log says of OAuth's refusals. */
  readonly describeRefusal: DescribeRefusal;
  /** The path of the issuer; empty: none. */
  readonly basePath: string;
  /** PEM: given, the server speaks https (in development; in production a proxy in front does). */
  readonly https?: { readonly key: string; readonly cert: string };
}

const BODY_LIMIT = 64 * 1024;

/**
 * The longest that an answer takes beside waiting for a hash; then it is 503, whatever is still under way. The waits of the
 * database end earlier: this one is for a database that hangs and ends nothing.
 */
const ANSWER_MS = 9000;

/** A bare server with the rules that hold for every route: strict input, problems, 405, no-store, request ids. */
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
    http: readsEveryHost,
    ...(options.https ? { https: { ...readsEveryHost, ...options.https } as never } : {}),
    ...(options.basePath === '' ? {} : { rewriteUrl: withoutBase(options.basePath) }),
    routerOptions: { maxParamLength: 255, ignoreTrailingSlash: false, caseSensitive: true },
    clientErrorHandler: answerClientErrors(options.log) as never,
    // What the router refuses never meets the hooks below.
    frameworkErrors: (error, request, reply) => {
      const [asked, answer] = [request as FastifyRequest, reply as unknown as FastifyReply];
      standingHeaders(asked, answer);
      // Its text repeats the path, and what is secret may stand in one: the log has the code alone.
      error.message = error.code;
      answerError(error as FastifyError, asked, answer);
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.decorate('describeRefusal', options.describeRefusal);
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  readClientAddress(app, options.trustProxy);
  if (options.basePath !== '') refuseOwnPath(app, options.basePath);
  acceptJson(app);
  app.setErrorHandler(answerError);
  answerWrongMethods(app);

  watchAnswers(app, ANSWER_MS + options.hashWaitMilliseconds);

  // Hooks that wait for nothing call back instead of returning a promise: each promise costs every request a turn of the queue.
  app.addHook('onRequest', (request, reply, done) => {
    standingHeaders(request, reply);
    checkHost(request);
    if (options.hosts && !options.hosts.includes(hostName(request.headers.host ?? '')))
      throw new Problem('misdirected', { detail: `Development mode answers to ${options.hosts.join(', ')} only.` });
    done();
  });
  app.addHook('preValidation', (request, _reply, done) => {
    checkQuery(request);
    done();
  });
  return app;
}

export type App = ReturnType<typeof createServer>;

function standingHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply
    .header('x-request-id', request.id)
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer');
}

/**
 * For Node's server: a field that may stand there once (`Host`, `Content-Type`, `Authorization`, …) and stands there twice is
 * joined, and so refused by whoever reads it; left alone, Node keeps the first and says nothing. And a request without a `Host`
 * comes to `checkHost`.
 */
export const readsEveryHost = { joinDuplicateHeaders: true, requireHostHeader: false } as const;

/** A name, an IPv4 or an IPv6 address, and perhaps a port (RFC 3986 §3.2.2, as DNS has names). */
const hostField = /^(?:\[[\da-f:.]{2,45}\]|[\w.~-]{1,255})(?::\d{0,5})?$/i;

/** RFC 9112 §3.2: one `Host` that can be read, 400 otherwise. HTTP/1.0 knew none. */
export function checkHost({ headers: { host }, raw }: FastifyRequest): void {
  if (host === undefined ? raw.httpVersion === '1.0' : hostField.test(host)) return;
  throw new Problem('bad_request', { detail: 'Send one Host field: a name or an address, and the port.' });
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

/** A path that exists with another method is 405 with `Allow` (RFC 9110 §15.5.6), not 404. */
function answerWrongMethods(app: App): void {
  const routes: { path: RegExp; methods: string[]; isOAuth: boolean }[] = [];
  app.addHook('onRoute', ({ url, method, schema }) => {
    const path = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);
    routes.push({ path, methods: [method].flat(), isOAuth: schema?.oauthErrors !== undefined });
  });
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] as string;
    const there = routes.filter((route) => route.path.test(path));
    if (there.length === 0) return reply.send(new Problem('not_found'));
    const allow = [...new Set(there.flatMap((route) => route.methods))].sort().join(', ');
    const detail = `It takes ${allow}.`;
    if (!there.some((route) => route.isOAuth))
      return reply.send(new Problem('method_not_allowed', { detail, headers: { allow } }));
    // Its callers know one family of errors (RFC 6749 §5.2).
    const refusal = new OAuthError('invalid_request', detail);
    logOAuthRefusal(request, refusal);
    return reply
      .code(405)
      .headers({ allow, pragma: 'no-cache' })
      .type('application/json')
      .send(JSON.stringify(refusal.body()));
  };
  app.setNotFoundHandler((request, reply) => void answer(request, reply));
  // Before its body is looked at: no content type and no text of it makes a difference.
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!request.is404) return done(null, payload);
    // What is still to come of it is not read.
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    if (length !== '0' || coding !== undefined) void reply.header('connection', 'close');
    void answer(request, reply);
  });
}

/** The last word on every error: a problem document, with nothing in it that the caller may not know. */
function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, request);
  logRefusal(request, problem.status, problem.code, error);
  for (const [name, value] of Object.entries(problem.extra.headers ?? {})) void reply.header(name, value);
  void reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem.body()));
}

/** Every error as what it is to the caller. */
export function toProblem(error: Partial<FastifyError> & Error, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Failure)
    return new Problem(error.kind === 'notFound' ? 'not_found' : 'internal', { reason: error.message });
  if (error.validation) return invalid(error);
  const status = error.statusCode ?? 500;
  // Before outages: a body that broke off has the code of a broken connection, too.
  if (status === 415) return wrongType(request);
  if (status >= 400 && status <= 499)
    return new Problem(frameworkCodes[status] ?? 'bad_request', { reason: error.message });
  if (isOutage(error)) return tryLater('unavailable', 2, error.message);
  return new Problem('internal', { reason: error.message });
}

/** What Fastify refuses by itself. 414 is a part of a path that is longer than any id: nothing has that name. */
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

/** What a schema refuses, each with the pointer to the field that is meant. */
function invalid(error: Partial<FastifyError>): Problem {
  // A field too many is told twice, once as the schema `false`.
  const schemaErrors = (error.validation as unknown as SchemaError[]).filter((one) => one.keyword !== 'boolean');
  const errors = schemaErrors.flatMap(({ keyword, instancePath, message, params }) => {
    const fields = params.additionalProperties ?? params.requiredProperties ?? [null];
    return fields.map((field) => ({
      pointer: quote(pointerTo(instancePath, field), LONGEST_POINTER),
      code: codes[keyword] ?? 'invalid',
      detail: texts[keyword] ?? message ?? 'This value is not taken.',
    }));
  });
  return new Problem('invalid', { errors: errors.slice(0, 20), reason: `${error.validationContext} refused` });
}

/** Names in it are the caller's own. */
const LONGEST_POINTER = 512;

/** A JSON pointer, with what RFC 6901 escapes. */
function pointerTo(path: string, field: string | null): string {
  return field === null ? path : `${path}/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

const codes: Record<string, string> = {
  required: 'required',
  additionalProperties: 'unknown_field',
  maxLength: 'max_length',
  minLength: 'min_length',
};
const texts: Record<string, string> = {
  required: 'This field is needed.',
  additionalProperties: 'There is no such field.',
};

/**
 * The database cannot be reached, or hung up: PostgreSQL classes 08, 53 and 57P, a database that is gone (3D000) or lets
 * nobody in (28), and what sockets say. Or it is too slow: a wait that was cut off (57014, 55P03), one of two that stood
 * in each other's way (40001, 40P01). Or it takes no writes, as one that has just become a standby does (25006).
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
 * For a route that answers one of several shapes: Fastify's own serializer would validate every answer against each of them to
 * find which one it is. What the handler built is written as it is; the tests hold it to the document.
 */
export const stringifyResponse = { serializerCompiler: () => (answer: unknown) => JSON.stringify(answer) } as const;
