import type { FastifySchema } from 'fastify';
import { OAUTH_STATUS, type OAuthErrorCode } from '../oauth-errors.ts';
import { PROBLEM_STATUS, type ProblemCode, type ProblemWords } from '../problems.ts';
import type { ResponseObject } from './document.ts';

declare module 'fastify' {
  /** Additions of Signet to a route's schema; the rest (summary, operationId, tags, security, consumes) belongs to `@fastify/swagger`. */
  interface FastifySchema {
    /** The problems of the route itself. Those of the server, the same for every route, are added. */
    problems?: readonly ProblemCode[];
    /** The same for a route with OAuth errors. */
    oauthErrors?: readonly OAuthErrorCode[];
    /** With `oauthErrors`: the route returns 429 to a network or client over its limit. */
    isThrottled?: true;
    /** The fields of a form, for documentation only: the route reads it itself. */
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
    code: { type: 'string', enum: Object.keys(PROBLEM_STATUS) },
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
    error: { type: 'string', enum: Object.keys(OAUTH_STATUS) },
    error_description: { ...text, description: 'For people who debug.' },
  },
};

/** Adds the error responses by status to a route's schema: the route's own, and those that the server sends before the handler. */
export function withErrorResponses(schema: FastifySchema, method: string, words: ProblemWords): FastifySchema {
  const { problems, oauthErrors, isThrottled, form, ...rest } = schema;
  const responses: Record<string, ResponseObject> = {
    ...(schema.response as Record<string, ResponseObject> | undefined),
  };
  const add = (status: number, response: ResponseObject) => {
    const existing = responses[status];
    responses[status] = existing
      ? { ...existing, ...response, content: { ...existing.content, ...response.content } }
      : response;
  };
  if (problems)
    for (const [status, codes] of byStatus(
      [...problems, ...serverProblems(schema, method)],
      (code) => PROBLEM_STATUS[code],
    ))
      add(status, problemResponse(status, codes, words));
  if (oauthErrors) {
    const codes = [...oauthErrors, 'invalid_request', 'temporarily_unavailable'] as const;
    for (const [status, group] of byStatus(codes, oauthStatuses(oauthErrors)))
      add(status, oauthResponse(status, group));
    // RFC 6749 does not define these, but HTTP does.
    for (const status of [413, 415]) add(status, oauthResponse(status, ['invalid_request']));
    if (isThrottled) add(429, oauthResponse(429, ['temporarily_unavailable']));
  }
  return {
    ...rest,
    ...(form ? { body: form, consumes: ['application/x-www-form-urlencoded'] } : {}),
    response: responses,
  };
}

function serverProblems(schema: FastifySchema, method: string): ProblemCode[] {
  const codes: ProblemCode[] = ['bad_request', 'misdirected'];
  if (method !== 'GET') codes.push('too_large', 'unsupported_media_type');
  if (schema.body !== undefined || schema.querystring !== undefined || schema.params !== undefined)
    codes.push('invalid');
  // A path segment longer than any id matches nothing: the router returns 404 for every route with parameters.
  if (schema.params !== undefined) codes.push('not_found');
  return codes;
}

/** RFC 9449 §7.1: at a protected resource an invalid proof is 401, like an invalid token. */
function oauthStatuses(oauthErrors: readonly OAuthErrorCode[]): (code: OAuthErrorCode) => number {
  const isResource = oauthErrors.includes('invalid_token');
  const isProofError = (code: OAuthErrorCode) => code === 'invalid_dpop_proof' || code === 'use_dpop_nonce';
  return (code) => (isResource && isProofError(code) ? 401 : OAUTH_STATUS[code]);
}

function byStatus<Code extends string>(codes: readonly Code[], statusFor: (code: Code) => number): [number, Code[]][] {
  return [...Map.groupBy([...new Set(codes)].sort(), statusFor)].sort(([a], [b]) => a - b);
}

/** Fastify's format, which the plugin converts to OpenAPI's. */
function retryHeaders(status: number): { headers?: ResponseObject['headers'] } {
  if (status !== 429 && status !== 503) return {};
  return { headers: { 'Retry-After': { type: 'integer', description: 'Seconds.' } as never } };
}

function problemResponse(status: number, codes: readonly ProblemCode[], words: ProblemWords): ResponseObject {
  const narrowed = { type: 'object', properties: { status: { const: status }, code: { enum: codes } } };
  return {
    description: codes.map((code) => `\`${code}\`: ${words.title(code)}.`).join(' '),
    ...retryHeaders(status),
    content: { 'application/problem+json': { schema: { allOf: [problem, narrowed] } } },
  };
}

function oauthResponse(status: number, codes: readonly OAuthErrorCode[]): ResponseObject {
  const narrowed = { type: 'object', properties: { error: { enum: codes } } };
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...retryHeaders(status),
    content: { 'application/json': { schema: { allOf: [oauthError, narrowed] } } },
  };
}
