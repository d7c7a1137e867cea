import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { quote } from '../text.ts';
import { acceptForms } from './input.ts';
import { logOAuthRefusal, logRefusal } from './log-refusals.ts';
import { OAuthError } from './oauth-errors.ts';
import { type App, toProblem } from './server.ts';

/**
 * What holds for every OAuth endpoint below this scope: forms only, each name once (RFC 6749 §3.1), no-store with the Pragma of
 * old (§5.1), and OAuth's own family of errors (§5.2).
 */
export function oauthScope(app: App): void {
  acceptForms(app, repeated);
  answerOAuthErrors(app);
  app.addHook('preValidation', (request, _reply, done) => {
    // RFC 6749 §3.2: what stands in the query is no parameter of these endpoints; standing in both places it is there twice.
    const query = Object.keys(request.query as object);
    const form = (request.body ?? {}) as object;
    const twice = query.find((name) => name in form);
    if (twice !== undefined) throw repeated(twice, request);
    done();
  });
}

/** RFC 6749 §3.1, §3.2; RFC 8707 §2: that an API was named twice is said by that standard's own code, where one can be named. */
function repeated(name: string, { routeOptions }: FastifyRequest): OAuthError {
  const takesTarget = routeOptions.schema?.oauthErrors?.includes('invalid_target');
  return name === 'resource' && takesTarget
    ? new OAuthError('invalid_target', 'A token is for one API: name one resource.')
    : new OAuthError('invalid_request', `The parameter ${quote(name)} is there twice.`);
}

/** The answers of this scope: the Pragma of old, and OAuth's own family of errors. */
export function answerOAuthErrors(app: App): void {
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.header('pragma', 'no-cache');
    done();
  });
  app.setErrorHandler(answerOAuthError);
}

/** A form's fields; a request without a body has none. An empty value is absent (RFC 6749 §3.1). */
export function readForm(request: FastifyRequest): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries((request.body ?? {}) as Record<string, string>))
    if (value !== '') fields[name] = value;
  return fields;
}

function answerOAuthError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = toOAuthError(error, request);
  if (refusal.status < 500) logOAuthRefusal(request, refusal);
  else logRefusal(request, refusal.status, refusal.code, error);
  for (const [name, value] of Object.entries(refusal.headers)) void reply.header(name, value);
  void reply.code(refusal.status).type('application/json').send(JSON.stringify(refusal.body()));
}

function toOAuthError(error: FastifyError | Error, request: FastifyRequest): OAuthError {
  if (error instanceof OAuthError) return error;
  const { status, extra } = toProblem(error, request);
  const { detail = 'The request cannot be read.', headers = {} } = extra;
  if (status === 503) return new OAuthError('temporarily_unavailable', detail, { headers });
  if (status >= 500) return new OAuthError('server_error', 'Something went wrong here.');
  return new OAuthError('invalid_request', detail, {
    status: status === 413 || status === 415 ? status : 400,
    headers,
  });
}

/** The DPoP proof of a request (RFC 9449 §4.1). Two headers are one text to Node, and no proof. */
export function dpopHeader({ headers }: FastifyRequest): string | undefined {
  return headers['dpop'] as string | undefined;
}

/** RFC 9449 §8.2: whoever sends a proof is told what the next one may hold. A hook for `onRequest`. */
export function offerNonce(nonce: () => string) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (dpopHeader(request) !== undefined) void reply.header('dpop-nonce', nonce());
    done();
  };
}
