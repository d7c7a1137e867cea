import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { logOAuthRefusal, logRefusal } from './log-refusals.ts';
import { OAuthError } from './oauth-errors.ts';
import { type App, toProblem } from './server.ts';

/** An error that a person reads. */
export interface PageError {
  readonly status: number;
  /** The code that programs would get, for support. */
  readonly code: string;
  /** Null for an OAuth error, which has none. */
  readonly title: string | null;
  readonly detail: string;
  /** For developers; only in development. */
  readonly remedy: string | null;
  /** The log has it too. */
  readonly requestId: string;
}

/** Renders every error below this scope as a page. */
export function renderErrorsAsPages(app: App, render: (reply: FastifyReply, error: PageError) => void): void {
  app.setErrorHandler((error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const { headers, ...pageError } = readError(error, request);
    const details = error instanceof OAuthError && pageError.status < 500 ? logOAuthRefusal(request, error) : null;
    if (!details) logRefusal(request, pageError.status, pageError.code, error);
    for (const [name, value] of Object.entries(headers)) void reply.header(name, value);
    render(reply, { ...pageError, requestId: request.id, remedy: details?.isShown ? details.remedy : null });
  });
}

function readError(error: FastifyError | Error, request: FastifyRequest) {
  if (error instanceof OAuthError) {
    const { status, code, message: detail, headers } = error;
    return { status, code, title: null, detail, headers };
  }
  const problem = toProblem(error, request);
  const { status, code, extra } = problem;
  const words = request.server.problemWords;
  return { status, code, title: words.title(code), detail: problem.detail(words) ?? '', headers: extra.headers ?? {} };
}
