import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { logOAuthRefusal, logRefusal } from './log-refusals.ts';
import { OAuthError } from './oauth-errors.ts';
import { PROBLEMS } from './problems.ts';
import { type App, toProblem } from './server.ts';

/** A refusal that a person reads. */
export interface PageError {
  readonly status: number;
  /** What programs would branch on: for whoever is told about it. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** For developers: in development. */
  readonly remedy: string | null;
  /** Repeated in the log. */
  readonly requestId: string;
}

/** Answers every error below this scope by a page: people meet them in a browser. */
export function answerErrorsAsPages(app: App, show: (reply: FastifyReply, error: PageError) => void): void {
  app.setErrorHandler((error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const { headers, ...said } = readable(error, request);
    const note = error instanceof OAuthError && said.status < 500 ? logOAuthRefusal(request, error) : null;
    if (!note) logRefusal(request, said.status, said.code, error);
    for (const [name, value] of Object.entries(headers)) void reply.header(name, value);
    show(reply, { ...said, requestId: request.id, remedy: note?.isShown ? note.remedy : null });
  });
}

function readable(error: FastifyError | Error, request: FastifyRequest) {
  if (error instanceof OAuthError) {
    const { status, code, message: detail, headers } = error;
    return { status, code, title: 'This request cannot be answered', detail, headers };
  }
  const problem = toProblem(error, request);
  const { status, code, extra } = problem;
  const { detail = '' } = problem.body();
  return { status, code, title: PROBLEMS[code].title, detail, headers: extra.headers ?? {} };
}
