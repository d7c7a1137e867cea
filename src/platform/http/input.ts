import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isStorable } from '../casefold.ts';
import { readMediaType } from '../media-type.ts';
import { Problem, requestFault } from './problems.ts';

type BodyFault = ReturnType<typeof requestFault>;

/** Deeper than any valid request, and shallow enough to walk. */
const MAX_DEPTH = 32;

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Accepts only strict JSON: RFC 8259 in UTF-8, without `__proto__`, NUL, lone surrogates or unbounded nesting. */
export function acceptJson(app: FastifyInstance): void {
  const parseSafely = app.getDefaultJsonParser('error', 'error') as (
    request: FastifyRequest,
    body: string,
    done: (error: Error | null, value?: unknown) => void,
  ) => void;
  acceptOnly(app, JSON_TYPE, (request, text, done) => {
    const fail = (fault: BodyFault) => done(new Problem('bad_request', { detail: fault }));
    if (text === null) return fail(requestFault('request_not_utf8', { part: 'body' }));
    if (text.trim() === '') return fail(requestFault('body_empty'));
    parseSafely(request, text, (error, value) => {
      if (error) return fail(requestFault('body_not_json'));
      if (hasRepeatedName(text)) return fail(requestFault('body_name_repeated'));
      const defect = findDefect(value);
      return defect ? fail(defect) : done(null, value);
    });
  });
}

/** Creates the error for a repeated name. */
export type RepeatedNameError = (name: string, request: FastifyRequest) => Error;

const repeatedFieldProblem: RepeatedNameError = (name) =>
  new Problem('bad_request', { detail: requestFault('form_field_repeated', { name }) });

/** Accepts a form as a map of single values; a repeated name is refused (as RFC 6749 §3.1 requires for OAuth). */
export function acceptForms(app: FastifyInstance, repeatedNameError = repeatedFieldProblem): void {
  acceptOnly(app, FORM_TYPE, (request, text, done) => {
    if (text === null || !isDecodable(text))
      return done(new Problem('bad_request', { detail: requestFault('request_not_utf8', { part: 'form' }) }));
    const fields: Record<string, string> = Object.create(null);
    for (const [name, value] of new URLSearchParams(text)) {
      if (name in fields) return done(repeatedNameError(name, request));
      if (!isStorable(name) || !isStorable(value))
        return done(new Problem('bad_request', { detail: requestFault('request_not_storable', { part: 'form' }) }));
      fields[name] = value;
    }
    done(null, fields);
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads its query by `formPairs`, and handles repeated names itself. */
    readsPairs?: true;
  }
}

/** Accepts a form as text, for a route that handles repeated names itself with `formPairs`. */
export function acceptPairs(app: FastifyInstance): void {
  acceptOnly(app, FORM_TYPE, (_request, text, done) => {
    if (text !== null) return done(null, text);
    done(new Problem('bad_request', { detail: requestFault('request_not_utf8', { part: 'form' }) }));
  });
}

/**
 * Sets the only body parser of this scope: its routes accept this type alone. Fastify chooses a parser by a lenient reading of the field,
 * so no other parser is left to choose, and the field is checked again here (RFC 9110 §8.3.1).
 */
function acceptOnly(
  app: FastifyInstance,
  type: string,
  read: (request: FastifyRequest, text: string | null, done: (error: Error | null, value?: unknown) => void) => void,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(type, { parseAs: 'buffer' }, (request, body, done) => {
    const { 'content-type': field = '', 'content-encoding': coding = 'identity' } = request.headers;
    // RFC 9110 §15.5.16, §12.5.3: a compressed body would have to be unpacked within bounds.
    if (coding.toLowerCase() !== 'identity')
      return done(
        new Problem('unsupported_media_type', {
          detail: requestFault('content_encoded', { type }),
          headers: { 'accept-encoding': 'identity' },
        }),
      );
    if (field !== type && !isInUtf8(field, type)) return done(wrongType(request));
    read(request, decode(body as Buffer), done);
  });
}

/** US-ASCII is a subset of UTF-8. JSON defines no `charset` (RFC 8259 §11), but clients send it. */
function isInUtf8(field: string, type: string): boolean {
  const mediaType = readMediaType(field);
  const charset = mediaType?.parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  return mediaType?.essence === type && (charset === 'utf-8' || charset === 'us-ascii');
}

/** The 415 for any other content type, which names the accepted one (RFC 9110 §15.5.16). */
export function wrongType(request: FastifyRequest): Problem {
  const accepted = [JSON_TYPE, FORM_TYPE].find((type) => request.server.hasContentTypeParser(type)) ?? JSON_TYPE;
  return new Problem('unsupported_media_type', { detail: requestFault('content_type_wrong', { type: accepted }) });
}

/** Returns every name and value of the query and the form, in order. */
export function formPairs(request: FastifyRequest): [name: string, value: string][] {
  const start = request.url.indexOf('?');
  const texts = [start < 0 ? '' : request.url.slice(start + 1), typeof request.body === 'string' ? request.body : ''];
  return texts.flatMap((text) => {
    if (!isDecodable(text))
      throw new Problem('bad_request', { detail: requestFault('request_not_utf8', { part: 'parameters' }) });
    const pairs = [...new URLSearchParams(text)];
    if (!pairs.flat().every(isStorable))
      throw new Problem('bad_request', { detail: requestFault('request_not_storable', { part: 'parameters' }) });
    return pairs;
  });
}

/** Refuses query strings that parsers disagree about: repeated names, malformed escapes, NUL. */
export function checkQuery(request: FastifyRequest): void {
  if (request.routeOptions.config.readsPairs) return;
  const start = request.url.indexOf('?');
  if (start < 0) return;
  if (!isDecodable(request.url.slice(start + 1)))
    throw new Problem('bad_request', { detail: requestFault('request_not_utf8', { part: 'query' }) });
  for (const [name, value] of Object.entries(request.query as Record<string, unknown>)) {
    if (typeof value !== 'string')
      throw new Problem('bad_request', { detail: requestFault('parameter_repeated', { name }) });
    if (!isStorable(name) || !isStorable(value))
      throw new Problem('bad_request', { detail: requestFault('parameter_not_storable', { name }) });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(body: Buffer): string | null {
  try {
    return utf8.decode(body);
  } catch {
    return null;
  }
}

function isDecodable(form: string): boolean {
  if (!form.includes('%')) return true;
  try {
    decodeURIComponent(form.replaceAll('+', ' '));
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns whether an object in this document repeats a name. Parsers disagree about which one counts (RFC 8259 §4), so a proxy may have
 * checked the other one. Only strings and brackets of the valid JSON matter here.
 */
function hasRepeatedName(json: string): boolean {
  const stack: Set<string>[] = [];
  let text = '';
  for (const [part] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}:]/g)) {
    if (part === '{') stack.push(new Set());
    else if (part === '}') stack.pop();
    else if (part !== ':') text = part;
    else {
      const [names, name] = [stack.at(-1), JSON.parse(text) as string];
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}

/** Walks without recursion, because the input decides the depth. */
function findDefect(document: unknown): BodyFault | null {
  const stack: { value: unknown; depth: number }[] = [{ value: document, depth: 0 }];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { value, depth } = next;
    if (depth > MAX_DEPTH) return requestFault('body_too_deep');
    if (typeof value === 'string' && !isStorable(value)) return requestFault('request_not_storable', { part: 'body' });
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value))
      stack.push({ value: key, depth }, { value: inner, depth: depth + 1 });
  }
  return null;
}
