import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { acceptForms, type RepeatedNameError } from './input.ts';
import { logOAuthRefusal, logRefusal } from './log-refusals.ts';
import { OAuthError } from './oauth-errors.ts';
import { type App, toProblem } from './server.ts';

/**
 * Sets the rules of every OAuth endpoint below this scope: forms only, each name once (RFC 6749 §3.1), no-store with `Pragma` (§5.1), and
 * OAuth's error format (§5.2). `repeatedNameError`: the error of a name that is there twice.
 */
export function oauthScope(app: App, repeatedNameError: RepeatedNameError): void {
  acceptForms(app, repeatedNameError);
  handleOAuthErrors(app);
  app.addHook('preValidation', (request, _reply, done) => {
    // RFC 6749 §3.2: query parameters are not parameters of these endpoints; a name in both query and form is repeated.
    const query = Object.keys(request.query as object);
    const form = (request.body ?? {}) as object;
    const repeatedName = query.find((name) => name in form);
    if (repeatedName !== undefined) throw repeatedNameError(repeatedName, request);
    done();
  });
}

/** Sets the responses of this scope: `Pragma`, and OAuth's error format. */
export function handleOAuthErrors(app: App): void {
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.header('pragma', 'no-cache');
    done();
  });
  app.setErrorHandler(sendOAuthError);
}

/** Returns the fields of a form; a request without a body has none. An empty value counts as absent (RFC 6749 §3.1). */
export function readForm(request: FastifyRequest): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries((request.body ?? {}) as Record<string, string>))
    if (value !== '') fields[name] = value;
  return fields;
}

function sendOAuthError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = toOAuthError(error, request);
  if (refusal.status < 500) logOAuthRefusal(request, refusal);
  else logRefusal(request, refusal.status, refusal.code, error);
  for (const [name, value] of Object.entries(refusal.headers)) void reply.header(name, value);
  void reply.code(refusal.status).type('application/json').send(JSON.stringify(refusal.body()));
}

function toOAuthError(error: FastifyError | Error, request: FastifyRequest): OAuthError {
  if (error instanceof OAuthError) return error;
  const problem = toProblem(error, request);
  const { status, code, extra } = problem;
  const { headers = {} } = extra;
  const words = request.server.problemWords;
  const title = `${words.title(code)}.`;
  if (status >= 500 && status !== 503) return new OAuthError('server_error', title);
  const detail = problem.detail(words) ?? title;
  if (status === 503) return new OAuthError('temporarily_unavailable', detail, { headers });
  return new OAuthError('invalid_request', detail, {
    status: status === 413 || status === 415 ? status : 400,
    headers,
  });
}

/** Returns the DPoP proof of a request (RFC 9449 §4.1). Node joins two headers to one text, which is not a valid proof. */
export function dpopHeader({ headers }: FastifyRequest): string | undefined {
  return headers['dpop'] as string | undefined;
}

/** RFC 9449 §8.2: a request with a proof gets the nonce for the next one. A hook for `onRequest`. */
export function offerNonce(nonce: () => string) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (dpopHeader(request) !== undefined) void reply.header('dpop-nonce', nonce());
    done();
  };
}
