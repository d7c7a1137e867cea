import { lookup } from 'node:dns/promises';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { readMediaType } from '../media-type.ts';
import { FetchError, type FetchErrorCode } from './fetch-error.ts';
import { classifyAddress, isHostAllowed, parseAllowList } from './target.ts';

export interface FetchRequest {
  readonly url: string;
  /** Form fields to POST; absent: a GET. */
  readonly form?: Readonly<Record<string, string>>;
  /** The `Accept` field. */
  readonly accept?: string;
  /** Limit of the response body in bytes; 0: only the status matters, and the body is not awaited. */
  readonly maxBytes?: number;
  /** Aborts the fetch with a `FetchError`. */
  readonly signal?: AbortSignal;
}

export interface FetchResponse {
  /** Never a redirect status. */
  readonly status: number;
  /** The media type without parameters; empty if absent. */
  readonly type: string;
  readonly cacheControl: string;
  readonly body: Buffer;
}

/** Sends a request to another server. Throws `FetchError` if the target is not allowed or no valid response arrives. */
export type GuardedFetch = (request: FetchRequest) => Promise<FetchResponse>;

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export interface FetchOptions {
  /** SIGNET_FETCH_ALLOW: `host:port` or networks. */
  readonly allow: readonly string[];
  /** Absent: the system resolver. */
  readonly resolve?: (hostname: string) => Promise<readonly ResolvedAddress[]>;
  /** For the whole fetch: name resolution, connection, headers and the last byte. */
  readonly deadlineMilliseconds?: number;
}

const DEADLINE_MS = 5000;
const MAX_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 8 * 1024;
const MAX_URL_LENGTH = 2048;

/** Creates a fetch that checks the target before it connects, and connects nowhere else: no redirects, no proxy, no cookies, no credentials. */
export function createGuardedFetch(options: FetchOptions): GuardedFetch {
  const allowList = parseAllowList(options.allow);
  const resolve = options.resolve ?? ((hostname) => lookup(hostname, { all: true, verbatim: true }));
  const deadline = options.deadlineMilliseconds ?? DEADLINE_MS;

  /** Resolves a URL's host; every address must be allowed. A single forbidden one fails the fetch, because it suggests an attack. */
  const lookUp = async (url: URL): Promise<readonly ResolvedAddress[]> => {
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const isHostListed = isHostAllowed(allowList, url.hostname, urlPort(url));
    const family = isIP(hostname);
    const addresses = family > 0 ? [{ address: hostname, family }] : await resolve(hostname).catch(() => []);
    if (addresses.length === 0) throw new FetchError('unresolvable');
    const classes = new Set(addresses.map((one) => classifyAddress(allowList, one.address, isHostListed)));
    if (classes.has('refused')) throw new FetchError('forbidden_target');
    if (url.protocol === 'http:' && classes.has('public')) throw new FetchError('not_https');
    return addresses;
  };

  return async (request) => {
    const url = readUrl(request.url);
    const timer = new AbortController();
    const timeout = setTimeout(() => timer.abort(), deadline);
    const signal = request.signal ? AbortSignal.any([timer.signal, request.signal]) : timer.signal;
    try {
      const addresses = await abortable(lookUp(url), signal);
      return await exchange(url, addresses, request, signal);
    } finally {
      clearTimeout(timeout);
    }
  };
}

function readUrl(text: string): URL {
  const url = text.length <= MAX_URL_LENGTH ? URL.parse(text) : null;
  const isHttp = url !== null && ['https:', 'http:'].includes(url.protocol) && url.hostname !== '';
  if (!isHttp || url.username !== '' || url.password !== '') throw new FetchError('bad_url');
  return url;
}

function urlPort(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** Rejects on abort. Name resolution cannot be cancelled, so its result is ignored. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new FetchError('timeout')), { once: true });
    promise.then(resolve, reject);
  });
}

/** Sends one request on a new connection, to one of these addresses only. */
function exchange(
  url: URL,
  addresses: readonly ResolvedAddress[],
  { form, accept = '*/*', maxBytes = MAX_BYTES }: FetchRequest,
  signal: AbortSignal,
): Promise<FetchResponse> {
  const body = form ? Buffer.from(new URLSearchParams(form).toString()) : null;
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    method: body ? 'POST' : 'GET',
    // Connects to the addresses that were checked: the name is not resolved again.
    lookup: (_hostname, { all }, done) => {
      const [first] = addresses as [ResolvedAddress];
      if (all) done(null, [...addresses]);
      else done(null, first.address, first.family);
    },
    // No reused connection, and no proxy from the environment.
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    rejectUnauthorized: true,
    headers: {
      accept,
      'accept-encoding': 'identity',
      'user-agent': 'signet',
      connection: 'close',
      ...(body ? { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length } : {}),
    },
  };
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(withoutFragment(url), options);
    const fail = (error: Error) => {
      reject(error instanceof FetchError ? error : new FetchError(errorCode(error)));
      outgoing.destroy();
    };
    signal.addEventListener('abort', () => fail(new FetchError('timeout')), { once: true });
    outgoing.on('error', fail);
    // RFC 9110 §15.2.2: the request did not ask for another protocol.
    outgoing.on('upgrade', () => fail(new FetchError('bad_answer')));
    outgoing.on('response', (incoming) => {
      readResponse(incoming, maxBytes)
        .then(resolve, fail)
        .finally(() => outgoing.destroy());
    });
    outgoing.end(body ?? undefined);
  });
}

function withoutFragment(url: URL): URL {
  const target = new URL(url);
  target.hash = '';
  return target;
}

async function readResponse(incoming: IncomingMessage, maxBytes: number): Promise<FetchResponse> {
  const status = incoming.statusCode ?? 0;
  if (status >= 300 && status <= 399) throw new FetchError('redirect');
  const {
    'content-encoding': encoding = 'identity',
    'content-type': type = '',
    'cache-control': cacheControl = '',
  } = incoming.headers;
  const media = readMediaType(type)?.essence ?? '';
  if (maxBytes === 0) return { status, type: media, cacheControl, body: Buffer.alloc(0) };
  // Compression was not requested, and would have to be unpacked within bounds.
  if (encoding !== 'identity') throw new FetchError('bad_answer');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new FetchError('too_large');
    chunks.push(chunk);
  }
  return { status, type: media, cacheControl, body: Buffer.concat(chunks) };
}

function errorCode(error: NodeJS.ErrnoException): FetchErrorCode {
  const code = error.code ?? '';
  if (code === 'HPE_HEADER_OVERFLOW') return 'too_large';
  if (/^HPE_/.test(code)) return 'bad_answer';
  // OpenSSL's codes for certificates and failed handshakes.
  if (
    /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|CRL_|UNABLE_TO|ERROR_IN|SELF_SIGNED|DEPTH_ZERO|INVALID_|PATH_LENGTH|HOSTNAME_)/.test(
      code,
    )
  )
    return 'tls';
  return 'unreachable';
}
