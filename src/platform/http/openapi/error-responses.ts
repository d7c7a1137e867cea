import type { FastifySchema } from 'fastify';
import { OAUTH_ERRORS, type OAuthErrorCode } from '../oauth-errors.ts';
import { PROBLEMS, type ProblemCode } from '../problems.ts';
import type { Answer } from './document.ts';

declare module 'fastify' {
  /** What a route says of itself; the rest (summary, operationId, tags, security, consumes) is `@fastify/swagger`'s. */
  interface FastifySchema {
    /** The problems that the route itself answers with. Those of the server, the same for every route, are added to them. */
    problems?: readonly ProblemCode[];
    /** The same for a route that answers with OAuth's errors. */
    oauthErrors?: readonly OAuthErrorCode[];
    /** With `oauthErrors`: it answers 429 to a network or a client that asks too much. */
    isThrottled?: true;
    /** The fields of a form that the route reads itself: nothing is validated by it. */
    form?: object;
  }
}

const text = { type: 'string' };

const fieldProblem = {
  title: 'FieldProblem',
  type: 'object',
  required: ['pointer', 'code', 'detail'],
  additionalProperties: false,
  properties: {
    pointer: { ...text, description: 'JSON pointer (RFC 6901) into the request.' },
    code: { ...text, description: 'Stable, for programs.' },
    detail: { ...text, description: 'For people.' },
  },
};

const problem = {
  title: 'Problem',
  description: 'RFC 9457. Branch on `code`; docs/errors.md has them all.',
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  additionalProperties: false,
  properties: {
    type: { const: 'about:blank' },
    title: text,
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(PROBLEMS) },
    detail: { ...text, description: 'For people; names the remedy.' },
    errors: { type: 'array', items: fieldProblem, description: 'With `invalid`: what is wrong with which field.' },
  },
};

const oauthError = {
  title: 'OAuthError',
  description: 'RFC 6749 §5.2. Branch on `error`; docs/errors.md has them all.',
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: {
    error: { type: 'string', enum: Object.keys(OAUTH_ERRORS) },
    error_description: { ...text, description: 'For people who debug.' },
  },
};

/** A route's schema with its refusals by status: what it says itself, and what the server refuses before it is asked. */
export function withRefusals(schema: FastifySchema, method: string): FastifySchema {
  const { problems, oauthErrors, isThrottled, form, ...rest } = schema;
  const answers: Record<string, Answer> = { ...(schema.response as Record<string, Answer> | undefined) };
  const add = (status: number, refusal: Answer) => {
    const own = answers[status];
    answers[status] = own ? { ...own, ...refusal, content: { ...own.content, ...refusal.content } } : refusal;
  };
  if (problems)
    for (const [status, codes] of byStatus(
      [...problems, ...ofTheServer(schema, method)],
      (code) => PROBLEMS[code].status,
    ))
      add(status, problemAnswer(status, codes));
  if (oauthErrors) {
    const codes = [...oauthErrors, 'invalid_request', 'temporarily_unavailable'] as const;
    for (const [status, some] of byStatus(codes, oauthStatuses(oauthErrors))) add(status, oauthAnswer(status, some));
    // RFC 6749 has no words for these, but HTTP has.
    for (const status of [413, 415]) add(status, oauthAnswer(status, ['invalid_request']));
    if (isThrottled) add(429, oauthAnswer(429, ['temporarily_unavailable']));
  }
  return {
    ...rest,
    ...(form ? { body: form, consumes: ['application/x-www-form-urlencoded'] } : {}),
    response: answers,
  };
}

function ofTheServer(schema: FastifySchema, method: string): ProblemCode[] {
  const codes: ProblemCode[] = ['bad_request', 'misdirected'];
  if (method !== 'GET') codes.push('too_large', 'unsupported_media_type');
  if (schema.body !== undefined || schema.querystring !== undefined || schema.params !== undefined)
    codes.push('invalid');
  // A part of the path that is longer than any id names nothing: the router says so, whatever the route says of its own 404.
  if (schema.params !== undefined) codes.push('not_found');
  return codes;
}

/** RFC 9449 §7.1: where a token is shown, a proof that is not good is 401, as the token is. */
function oauthStatuses(oauthErrors: readonly OAuthErrorCode[]): (code: OAuthErrorCode) => number {
  const isResource = oauthErrors.includes('invalid_token');
  const isOfProof = (code: OAuthErrorCode) => code === 'invalid_dpop_proof' || code === 'use_dpop_nonce';
  return (code) => (isResource && isOfProof(code) ? 401 : OAUTH_ERRORS[code].status);
}

function byStatus<Code extends string>(codes: readonly Code[], statusOf: (code: Code) => number): [number, Code[]][] {
  return [...Map.groupBy([...new Set(codes)].sort(), statusOf)].sort(([a], [b]) => a - b);
}

/** Fastify's form: the plugin makes OpenAPI's of it. */
function waiting(status: number): { headers?: Answer['headers'] } {
  if (status !== 429 && status !== 503) return {};
  return { headers: { 'Retry-After': { type: 'integer', description: 'Seconds.' } as never } };
}

function problemAnswer(status: number, codes: readonly ProblemCode[]): Answer {
  const narrowed = { type: 'object', properties: { status: { const: status }, code: { enum: codes } } };
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
    ...waiting(status),
    content: { 'application/problem+json': { schema: { allOf: [problem, narrowed] } } },
  };
}

function oauthAnswer(status: number, codes: readonly OAuthErrorCode[]): Answer {
  const narrowed = { type: 'object', properties: { error: { enum: codes } } };
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...waiting(status),
    content: { 'application/json': { schema: { allOf: [oauthError, narrowed] } } },
  };
}
