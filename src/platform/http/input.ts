import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isStorable } from '../casefold.ts';
import { readMediaType } from '../media-type.ts';
import { quote } from '../text.ts';
import { Problem } from './problems.ts';

/** Deeper than any request of ours, and shallow enough for every walk. */
const DEEPEST = 32;

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Takes strict JSON and nothing else: RFC 8259 in UTF-8, without `__proto__`, NUL, lone surrogates or bottomless nesting. */
export function acceptJson(app: FastifyInstance): void {
  const parseSafely = app.getDefaultJsonParser('error', 'error') as (
    request: FastifyRequest,
    body: string,
    done: (error: Error | null, value?: unknown) => void,
  ) => void;
  acceptOnly(app, JSON_TYPE, (request, text, done) => {
    const refuse = (detail: string) => done(new Problem('bad_request', { detail }));
    if (text === null) return refuse('The body is not UTF-8.');
    if (text.trim() === '') return refuse('The body is empty.');
    parseSafely(request, text, (error, value) => {
      if (error) return refuse('The body is not JSON.');
      if (hasRepeatedName(text)) return refuse('A name stands twice in one object of the body.');
      const fault = faultIn(value);
      return fault ? refuse(fault) : done(null, value);
    });
  });
}

/** What is wrong with a name that is there twice. */
export type RefuseRepeated = (name: string, request: FastifyRequest) => Error;

const repeatedField: RefuseRepeated = (name) =>
  new Problem('bad_request', { detail: `The field ${quote(name)} is there twice.` });

/** Takes a form as a map of single values; a repeated name is refused (RFC 6749 §3.1 asks the same of OAuth). */
export function acceptForms(app: FastifyInstance, refuseRepeated = repeatedField): void {
  acceptOnly(app, FORM_TYPE, (request, text, done) => {
    if (text === null || !isDecodable(text))
      return done(new Problem('bad_request', { detail: 'The form is not UTF-8.' }));
    const fields: Record<string, string> = Object.create(null);
    for (const [name, value] of new URLSearchParams(text)) {
      if (name in fields) return done(refuseRepeated(name, request));
      if (!isStorable(name) || !isStorable(value))
        return done(new Problem('bad_request', { detail: 'The form holds characters that no text has.' }));
      fields[name] = value;
    }
    done(null, fields);
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads its query by `formPairs`, and says itself what it makes of a name that is there twice. */
    readsPairs?: true;
  }
}

/** Takes a form as it came, name by name: for a route that has its own answer to a repeated one. Read by `formPairs`. */
export function acceptPairs(app: FastifyInstance): void {
  acceptOnly(app, FORM_TYPE, (_request, text, done) => {
    done(text === null ? new Problem('bad_request', { detail: 'The form is not UTF-8.' }) : null, text);
  });
}

/**
 * The one door for bodies: routes of this scope read this type alone. The framework finds a parser by its own reading of the field,
 * and forgives more than we do: so it has no other parser to find, and what it finds is read again here (RFC 9110 §8.3.1).
 */
function acceptOnly(
  app: FastifyInstance,
  type: string,
  read: (request: FastifyRequest, text: string | null, done: (error: Error | null, value?: unknown) => void) => void,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(type, { parseAs: 'buffer' }, (request, body, done) => {
    const { 'content-type': field = '', 'content-encoding': coding = 'identity' } = request.headers;
    // RFC 9110 §15.5.16, §12.5.3: what was packed would have to be unpacked within bounds.
    if (coding.toLowerCase() !== 'identity')
      return done(
        new Problem('unsupported_media_type', {
          detail: `Send ${type} without Content-Encoding.`,
          headers: { 'accept-encoding': 'identity' },
        }),
      );
    if (field !== type && !isInUtf8(field, type)) return done(wrongType(request));
    read(request, decode(body as Buffer), done);
  });
}

/** US-ASCII is a part of UTF-8. JSON knows no `charset` (RFC 8259 §11), but clients send it. */
function isInUtf8(field: string, type: string): boolean {
  const sent = readMediaType(field);
  const charset = sent?.parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  return sent?.essence === type && (charset === 'utf-8' || charset === 'us-ascii');
}

/** The refusal of every content type but the one that this route reads: 415, and it says which (RFC 9110 §15.5.16). */
export function wrongType(request: FastifyRequest): Problem {
  const wanted = [JSON_TYPE, FORM_TYPE].find((type) => request.server.hasContentTypeParser(type)) ?? JSON_TYPE;
  return new Problem('unsupported_media_type', { detail: `Send ${wanted}, in UTF-8.` });
}

/** Every name and value of the query and of the form, in their order. */
export function formPairs(request: FastifyRequest): [name: string, value: string][] {
  const start = request.url.indexOf('?');
  const texts = [start < 0 ? '' : request.url.slice(start + 1), typeof request.body === 'string' ? request.body : ''];
  return texts.flatMap((text) => {
    if (!isDecodable(text)) throw new Problem('bad_request', { detail: 'The parameters are not UTF-8 text.' });
    const pairs = [...new URLSearchParams(text)];
    if (!pairs.flat().every(isStorable))
      throw new Problem('bad_request', { detail: 'The parameters hold characters that no text has.' });
    return pairs;
  });
}

/** Refuses query strings that no parser agrees about: repeated names, malformed escapes, NUL. */
export function checkQuery(request: FastifyRequest): void {
  if (request.routeOptions.config.readsPairs) return;
  const start = request.url.indexOf('?');
  if (start < 0) return;
  if (!isDecodable(request.url.slice(start + 1)))
    throw new Problem('bad_request', { detail: 'The query is not UTF-8 text.' });
  for (const [name, value] of Object.entries(request.query as Record<string, unknown>)) {
    if (typeof value !== 'string')
      throw new Problem('bad_request', { detail: `The parameter ${quote(name)} is there twice.` });
    if (!isStorable(name) || !isStorable(value))
      throw new Problem('bad_request', {
        detail: `The parameter ${quote(name)} holds characters that no text has.`,
      });
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
 * Whether an object of this document has a name twice. Readers disagree about which of the two counts (RFC 8259 §4): a proxy may
 * have looked at the other one. What is no text and no bracket of valid JSON does not matter here.
 */
function hasRepeatedName(json: string): boolean {
  const open: Set<string>[] = [];
  let text = '';
  for (const [part] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}:]/g)) {
    if (part === '{') open.push(new Set());
    else if (part === '}') open.pop();
    else if (part !== ':') text = part;
    else {
      const [names, name] = [open.at(-1), JSON.parse(text) as string];
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}

/** Walks without recursion, since the input decides the depth. */
function faultIn(document: unknown): string | null {
  const open: { value: unknown; depth: number }[] = [{ value: document, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    if (depth > DEEPEST) return 'The body is nested too deeply.';
    if (typeof value === 'string' && !isStorable(value))
      return 'A text in the body holds NUL or half a surrogate pair.';
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value))
      open.push({ value: key, depth }, { value: inner, depth: depth + 1 });
  }
  return null;
}
