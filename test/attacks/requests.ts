import fc from 'fast-check';
import type { JsonSchema, OpenapiDocument, Operation } from '../../src/platform/http/index.ts';
import { resolved } from '../support/openapi.ts';
import { damaged, fitting, hostileNames, type Known, mutated, oddText } from './values.ts';

/** A request as it is sent. Texts in `‹…›` stand for what only the moment of sending knows, such as a live cookie. */
export interface Wild {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly payload: string | Buffer | undefined;
  readonly remoteAddress: string;
}

const form = (fields: unknown): string =>
  new URLSearchParams(
    Object.entries(fields as object).map(([key, value]): [string, string] => [key, String(value)]),
  ).toString();

const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/json;charset=latin1',
  'application/json\ta',
  'application/x-www-form-urlencoded',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/problem+json',
  '',
  ';',
];

interface Body {
  readonly payload: string | Buffer | undefined;
  readonly type: string | undefined;
}

function bodyOf(operation: Operation, document: OpenapiDocument, known: Known): fc.Arbitrary<Body> {
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json(),
    fc.string(),
    fc.constantFrom('{}', '[]', 'null', '{"__proto__":{"isSuperuser":true}}', '{"constructor":{"prototype":{"x":1}}}'),
    fc.constantFrom(
      '['.repeat(5000),
      `{"a":${'['.repeat(100)}${']'.repeat(100)}}`,
      'x'.repeat(70_000),
      'a=1&a=2',
      '%ff=%00',
    ),
  );
  const types = fc.oneof({ weight: 3, arbitrary: fc.constant(type) }, fc.constantFrom(...contentTypes));
  const random = fc.record({ payload: fc.oneof(fc.constant(undefined), anything), type: types });
  const none = fc.constant<Body>({ payload: undefined, type: undefined });
  if (!media || !type) return fc.oneof({ weight: 5, arbitrary: none }, { weight: 1, arbitrary: random });
  const valid = fitting(resolved(document, media.schema) as JsonSchema, known);
  const isForm = type.includes('urlencoded');
  const written = isForm ? valid.map(form) : valid.map((one) => JSON.stringify(one));
  const misshapen = isForm
    ? fc
        .tuple(valid, fc.constantFrom(...hostileNames), oddText)
        .map(([one, name, odd]) => form({ ...(one as object), [name]: odd.toWellFormed() }))
    : mutated(valid);
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ payload: written, type: fc.constant(type) }) },
    { weight: 4, arbitrary: fc.record({ payload: misshapen, type: fc.constant(type) }) },
    { weight: 1, arbitrary: fc.record({ payload: damaged(written), type: fc.constant(type) }) },
    { weight: 1, arbitrary: fc.record({ payload: written, type: types }) },
    { weight: 2, arbitrary: random },
  );
}

const oddQueries = [
  '%ff',
  '%00=1',
  'a=%00',
  'a[b]=c',
  '__proto__=1',
  '__proto__[x]=1',
  'audience=a&audience=b',
  '&&&',
  '=',
  '%',
  'a=%ud800',
  '?',
];

function queryOf(operation: Operation, known: Known): fc.Arbitrary<string> {
  const parameters = (operation.parameters ?? []).filter((one) => one.in === 'query');
  const fields = parameters.map((one) => [one.name, fitting(one.schema, known, one.name)] as const);
  const valid = fc.record(Object.fromEntries(fields), { requiredKeys: [] }).map(form);
  const odd = fc
    .tuple(valid, fc.constantFrom(...oddQueries))
    .map(([one, more]) => (one === '' ? more : `${one}&${more}`));
  const wild = fc.tuple(fc.constantFrom(...hostileNames, ...parameters.map((one) => one.name)), oddText);
  return fc.oneof(
    { weight: 6, arbitrary: valid },
    { weight: 1, arbitrary: odd },
    { weight: 1, arbitrary: wild.map(([name, value]) => form({ [name]: value.toWellFormed() })) },
  );
}

function pathOf(path: string, operation: Operation, known: Known): fc.Arbitrary<string> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const filled = fc
    .tuple(
      ...names.map((name) => {
        const schema = operation.parameters?.find((one) => one.in === 'path' && one.name === name)?.schema ?? {};
        return fc.oneof({ weight: 3, arbitrary: fitting(schema, known, name) }, oddText, fc.constant('x'.repeat(400)));
      }),
    )
    .map((values) =>
      names.reduce(
        (made, name, i) => made.replace(`{${name}}`, encodeURIComponent(String(values[i]).toWellFormed())),
        path,
      ),
    );
  const twisted = fc
    .tuple(
      filled,
      fc.constantFrom('/', '//', ';x', '%00', '%ff', '%2f', '/..;/', '/%2e%2e', '.json', '%', '\\', '#x', '*'),
      fc.boolean(),
    )
    .map(([one, odd, isUpper]) => `${isUpper ? one.toUpperCase() : one}${odd}`);
  return fc.oneof({ weight: 12, arbitrary: filled }, { weight: 1, arbitrary: twisted });
}

/** Printable and Latin-1: what a header line can hold at all. */
const headerText = fc.string({ maxLength: 60 }).map((one) => one.replace(/[^\x20-\x7e\xa0-\xff]/g, '\xe9'));

function headersOf(known: Known): fc.Arbitrary<Record<string, string>> {
  const of = (...values: string[]) => fc.oneof(fc.constantFrom(...values), headerText);
  return fc.record(
    {
      cookie: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom('‹cookie›') },
        fc.constantFrom(...(known['cookie'] ?? ['']), '‹cookie›; ‹cookie›'),
        headerText,
      ),
      authorization: fc.oneof(
        fc.constantFrom('Bearer ‹token›', 'bearer ‹token›', ...(known['authorization'] ?? [])),
        headerText,
      ),
      origin: of('http://localhost:4000', 'https://evil.example', 'null', ''),
      'sec-fetch-site': of('same-origin', 'none', 'cross-site', 'same-site'),
      host: of('localhost', '127.0.0.1:4000', '[::1]:4000', 'evil.example', ''),
      'x-forwarded-for': of('1.2.3.4', '::1, 10.0.0.1', 'x'),
      'x-http-method-override': of('DELETE'),
      'if-none-match': of('*', 'W/"x", "y"', '"'),
      accept: of('*/*', 'application/json', 'text/html', 'x'),
      'content-encoding': of('gzip', 'identity'),
      'content-length': fc.constantFrom('0', '1', '99999', '-1', 'x'),
      'user-agent': fc.oneof(headerText, fc.constant('x'.repeat(3000))),
      expect: of('100-continue'),
    },
    { requiredKeys: [] },
  );
}

/** Few headers at a time: a request with a wrong host says nothing about the rest. */
const identities: Record<string, Record<string, string>> = {
  session: { cookie: '‹cookie›' },
  bearer: { authorization: 'Bearer ‹token›' },
  client: { authorization: '‹client›' },
};

function someHeaders(operation: Operation, known: Known): fc.Arbitrary<Record<string, string>> {
  const asked = (operation.security ?? []).flatMap((one) => Object.keys(one)).map((scheme) => identities[scheme] ?? {});
  const identity = fc.constantFrom<Record<string, string>>(...asked, ...asked, ...Object.values(identities), {});
  const client = fc.constantFrom(...(known['authorization'] ?? [''])).map((one) => ({ authorization: one }));
  const odd = fc.tuple(headersOf(known), fc.nat()).map(([all, at]) => {
    const chosen = Object.entries(all);
    return Object.fromEntries(chosen.slice(at % Math.max(1, chosen.length)).slice(0, 2));
  });
  return fc.oneof({ weight: 4, arbitrary: identity }, { weight: 2, arbitrary: client }, { weight: 2, arbitrary: odd });
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;

/** As somebody sends it who has read the document: nothing too much, known values, and who it takes. */
function plainRequest(document: OpenapiDocument, path: string, method: string, operation: Operation, known: Known) {
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const asked = (operation.security ?? []).flatMap((one) => Object.keys(one)).map((scheme) => identities[scheme] ?? {});
  const inPath = (operation.parameters ?? []).filter((one) => one.in === 'path');
  const needed = (operation.parameters ?? []).filter((one) => one.in === 'query' && (one.required || known[one.name]));
  const of = (parameters: typeof needed) =>
    fc.record(Object.fromEntries(parameters.map((one) => [one.name, fitting(one.schema, known, one.name)])));
  const fields = media ? fitting(resolved(document, media.schema) as JsonSchema, known) : fc.constant(undefined);
  return fc
    .record({
      path: of(inPath).map((values) =>
        Object.entries(values).reduce(
          (made, [name, value]) => made.replace(`{${name}}`, encodeURIComponent(String(value).toWellFormed())),
          path,
        ),
      ),
      query: of(needed).map(form),
      headers: fc.constantFrom<Record<string, string>>(...(asked.length > 0 ? asked : [{}])),
      payload: fields.map((one) =>
        one === undefined ? undefined : type?.includes('urlencoded') ? form(one) : JSON.stringify(one),
      ),
      network: fc.integer({ min: 1, max: 60_000 }),
    })
    .map(({ path, query, headers, payload, network }) => ({
      method: method.toUpperCase(),
      url: query === '' ? path : `${path}?${query}`,
      headers: { ...(payload === undefined ? {} : { 'content-type': type as string }), ...headers },
      payload,
      remoteAddress: `10.0.${network >> 8}.${network & 255}`,
    }));
}

/** Requests to one operation: plain ones, valid ones, nearly valid ones, and any. */
export function requestsTo(
  document: OpenapiDocument,
  path: string,
  method: string,
  operation: Operation,
  known: Known,
): fc.Arbitrary<Wild> {
  const own = method.toUpperCase();
  const plain = plainRequest(document, path, method, operation, known);
  const wild = fc
    .record({
      method: fc.oneof({ weight: 15, arbitrary: fc.constant(own) }, fc.constantFrom(...methods)),
      path: pathOf(path, operation, known),
      query: queryOf(operation, known),
      headers: someHeaders(operation, known),
      body: bodyOf(operation, document, known),
      network: fc.integer({ min: 1, max: 60_000 }),
    })
    .map(({ method, path, query, headers, body, network }) => ({
      method,
      url: query === '' ? path : `${path}?${query}`,
      headers: { ...(body.type === undefined ? {} : { 'content-type': body.type }), ...headers },
      payload: body.payload,
      remoteAddress: `10.0.${network >> 8}.${network & 255}`,
    }));
  // What `inject` itself cannot read as an address never gets to the server.
  const whole = fc.oneof({ weight: 3, arbitrary: wild }, { weight: 1, arbitrary: plain });
  return whole.filter(({ url }) => URL.canParse(url, 'http://localhost'));
}
