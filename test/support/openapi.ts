import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Compile } from 'typebox/compile';
import {
  type App,
  type JsonSchema,
  type OpenapiDocument,
  type Operation,
  openapiDocument,
  PROBLEM_STATUS,
  type Reply,
  type Request,
} from '../../src/platform/http/index.ts';

/** An answer as a client gets it. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly type: string;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** Refusals of requests that no route was asked about; openapi.yaml says so in its description. */
const unrouted = [
  'bad_request',
  'not_found',
  'method_not_allowed',
  'too_large',
  'unsupported_media_type',
  'misdirected',
] as const;

/**
 * Holds every answer of a server to its OpenAPI document: the status, the content type and the body of each, whether it was
 * injected or came over the wire. `build` makes the server. What departs from the document fails the call of `inject`, and the
 * closing of the server.
 */
export async function heldToItsDocument(build: () => Promise<App>): Promise<App> {
  const faults: string[] = [];
  const checked = new Set<string>();
  let check: ((route: string | undefined, seen: Seen) => void) | undefined;
  // The instance is met before it has routes: a hook that is added later would not reach those of inner scopes.
  const meet = (message: unknown) => {
    const { fastify } = message as { fastify: App };
    fastify.addHook('onSend', async (request, reply, payload) => {
      check?.(request.routeOptions.url, seenOf(request, reply, payload));
      checked.add(request.id);
      return payload;
    });
    fastify.addHook('onClose', async () => fail(faults));
  };
  subscribe('fastify.initialization', meet);
  const building = build();
  unsubscribe('fastify.initialization', meet);
  const app = await building;
  await app.ready();
  const document = openapiDocument(app);
  const validators = new Map<string, (value: unknown) => string | undefined>();
  check = (route, seen) => {
    const fault = faultOf(document, validators, route, seen);
    if (fault) faults.push(`${seen.method} ${seen.url}: ${fault}`);
  };

  const inject = app.inject.bind(app) as (...words: unknown[]) => unknown;
  app.inject = (async (...words: unknown[]) => {
    const response = (await inject(...words)) as Awaited<ReturnType<App['inject']>>;
    // A stream has no end to be looked at.
    if ((words[0] as { payloadAsStream?: boolean }).payloadAsStream) return response;
    // What the router itself refuses passes no hook.
    if (!checked.delete(String(response.headers['x-request-id'])))
      check(undefined, {
        method: response.raw.req.method as string,
        url: response.raw.req.url as string,
        status: response.statusCode,
        type: String(response.headers['content-type'] ?? ''),
        headers: response.headers,
        body: response.body,
      });
    fail(faults);
    return response;
  }) as typeof app.inject;
  return app;
}

function fail(faults: string[]): void {
  if (faults.length > 0) throw new Error(`Not as openapi.yaml says (npm run docs?):\n${faults.splice(0).join('\n')}`);
}

function seenOf(request: Request, reply: Reply, payload: unknown): Seen {
  return {
    method: request.method,
    url: request.url,
    status: reply.statusCode,
    type: String(reply.getHeader('content-type') ?? ''),
    headers: reply.getHeaders(),
    // What a handler sends with 204 stays here (RFC 9110 §15.3.5): Fastify cuts it off after this.
    body: payload === undefined || payload === null || reply.statusCode === 204 ? '' : String(payload),
  };
}

function faultOf(
  document: OpenapiDocument,
  validators: Map<string, (value: unknown) => string | undefined>,
  route: string | undefined,
  seen: Seen,
): string | undefined {
  const { method, status } = seen;
  // A preflight is the browser's question to CORS (Fetch §4.8), answered before any route; documented nowhere in OpenAPI.
  if (method === 'OPTIONS' && seen.body === '' && status === 204) return undefined;
  const type = seen.type.split(';')[0] as string;
  if (route === undefined) return unroutedFault(document, validators, type, seen);

  const path = route.replace(/:(\w+)/g, '{$1}');
  const operations = document.paths[path] ?? {};
  // HEAD is GET without the body, which is cut off after this. A preflight that is refused, for its host say, is refused as what
  // it asks about.
  const standsFor: Record<string, Operation | undefined> = {
    HEAD: operations['get'],
    OPTIONS: operations['post'] ?? operations['get'],
  };
  const operation = standsFor[method] ?? operations[method.toLowerCase()];
  if (!operation) return 'the operation is not documented';
  const answer = operation.responses[status];
  if (!answer) return `status ${status} is not documented: ${seen.body.slice(0, 300)}`;
  for (const name of Object.keys(answer.headers ?? {}))
    if (seen.headers[name.toLowerCase()] === undefined) return `${status} without ${name}`;
  if (!answer.content) return seen.body === '' ? undefined : `${status} has a body: ${seen.body.slice(0, 300)}`;
  const media = answer.content[type];
  if (!media) return `${status} as ${type || 'nothing'} is not documented`;
  return bodyFault(document, validators, `${method} ${path} ${status} ${type}`, media.schema, seen);
}

function unroutedFault(
  document: OpenapiDocument,
  validators: Map<string, (value: unknown) => string | undefined>,
  type: string,
  seen: Seen,
): string | undefined {
  if (type === 'application/json' && seen.status === 405 && seen.url.startsWith('/oauth2/')) {
    if (seen.method === 'HEAD' && seen.body === '') return undefined;
    return bodyFault(document, validators, 'oauth error', { $ref: '#/components/schemas/OAuthError' }, seen);
  }
  if (type !== 'application/problem+json') return `${seen.status} as ${type}, where no route was asked`;
  // An answer to HEAD is seen here as it went out: the router's own refusals pass no hook.
  if (seen.method === 'HEAD' && seen.body === '')
    return unrouted.some((code) => PROBLEM_STATUS[code] === seen.status) ? undefined : `${seen.status} to HEAD`;
  const { code } = JSON.parse(seen.body);
  if (!unrouted.some((known) => known === code && PROBLEM_STATUS[known] === seen.status))
    return `${seen.status} ${code}, where no route was asked`;
  const problem = { $ref: '#/components/schemas/Problem' };
  return bodyFault(document, validators, 'problem', problem, seen);
}

function bodyFault(
  document: OpenapiDocument,
  validators: Map<string, (value: unknown) => string | undefined>,
  key: string,
  schema: JsonSchema,
  seen: Seen,
): string | undefined {
  let validate = validators.get(key);
  if (!validate) {
    const compiled = Compile(resolved(document, schema) as never);
    validate = (value) => (compiled.Check(value) ? undefined : JSON.stringify(compiled.Errors(value)));
    validators.set(key, validate);
  }
  const value = /json$/.test(seen.type.split(';')[0] as string) ? JSON.parse(seen.body) : seen.body;
  const fault = validate(value);
  return fault && `${seen.status} ${seen.body.slice(0, 300)} is not as its schema: ${fault.slice(0, 500)}`;
}

/** The schema with its components put in: none of them holds itself. */
export function resolved(document: OpenapiDocument, schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((one) => resolved(document, one));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref } = schema as JsonSchema;
  if (typeof $ref === 'string')
    return resolved(document, document.components.schemas[$ref.replace('#/components/schemas/', '')]);
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(document, value)]));
}
