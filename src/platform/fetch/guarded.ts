import { lookup } from 'node:dns/promises';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { readMediaType } from '../media-type.ts';
import { FetchError, type FetchErrorCode } from './fetch-error.ts';
import { isHostAllowed, judge, parseAllowed } from './target.ts';

export interface FetchRequest {
  readonly url: string;
  /** Absent: a GET. */
  readonly form?: Readonly<Record<string, string>>;
  /** Media types that are read. */
  readonly accept?: string;
  /** Of the answer's body; 0: the status is all that counts, and the body is not waited for. */
  readonly maxBytes?: number;
  /** Calls it off: a `FetchError`, whatever has come by then. */
  readonly signal?: AbortSignal;
}

export interface FetchResponse {
  /** Never one of a redirect. */
  readonly status: number;
  /** Without parameters; empty when there is none. */
  readonly type: string;
  readonly cacheControl: string;
  readonly body: Buffer;
}

/** Asks another server for something. A `FetchError` when that was refused or did not come to an answer. */
export type GuardedFetch = (request: FetchRequest) => Promise<FetchResponse>;

export interface Resolved {
  readonly address: string;
  readonly family: number;
}

export interface FetchOptions {
  /** SIGNET_FETCH_ALLOW: `host:port`, or networks. */
  readonly allow: readonly string[];
  /** Absent: what the machine resolves names by. */
  readonly resolve?: (hostname: string) => Promise<readonly Resolved[]>;
  /** Over everything: the name, the connection, the head and the last byte. */
  readonly deadlineMilliseconds?: number;
}

const DEADLINE_MS = 5000;
const MOST_BYTES = 64 * 1024;
const MOST_HEAD_BYTES = 8 * 1024;
const LONGEST_URL = 2048;

/** Decides where it goes before it goes there, and goes nowhere else: no redirect, no proxy, no cookie, no credential of Signet's. */
export function createGuardedFetch(options: FetchOptions): GuardedFetch {
  const allowed = parseAllowed(options.allow);
  const resolve = options.resolve ?? ((hostname) => lookup(hostname, { all: true, verbatim: true }));
  const deadline = options.deadlineMilliseconds ?? DEADLINE_MS;

  /** The addresses of a URL's host, each of them one that may be reached. One that may not is enough: somebody tries something. */
  const lookUp = async (url: URL): Promise<readonly Resolved[]> => {
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const isNamed = isHostAllowed(allowed, url.hostname, urlPort(url));
    const family = isIP(hostname);
    const found = family > 0 ? [{ address: hostname, family }] : await resolve(hostname).catch(() => []);
    if (found.length === 0) throw new FetchError('unresolvable');
    const verdicts = new Set(found.map((one) => judge(allowed, one.address, isNamed)));
    if (verdicts.has('refused')) throw new FetchError('forbidden_target');
    if (url.protocol === 'http:' && verdicts.has('public')) throw new FetchError('not_https');
    return found;
  };

  return async (request) => {
    const url = readUrl(request.url);
    const timer = new AbortController();
    const ends = setTimeout(() => timer.abort(), deadline);
    const signal = request.signal ? AbortSignal.any([timer.signal, request.signal]) : timer.signal;
    try {
      const addresses = await orTimeout(lookUp(url), signal);
      return await exchange(url, addresses, request, signal);
    } finally {
      clearTimeout(ends);
    }
  };
}

function readUrl(text: string): URL {
  const url = text.length <= LONGEST_URL ? URL.parse(text) : null;
  const isFetched = url !== null && ['https:', 'http:'].includes(url.protocol) && url.hostname !== '';
  if (!isFetched || url.username !== '' || url.password !== '') throw new FetchError('bad_url');
  return url;
}

function urlPort(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** A name that is being resolved cannot be called off: it is left alone. */
function orTimeout<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new FetchError('timeout')), { once: true });
    promise.then(resolve, reject);
  });
}

/** One request on a connection of its own, to these addresses and no other. */
function exchange(
  url: URL,
  addresses: readonly Resolved[],
  { form, accept = '*/*', maxBytes = MOST_BYTES }: FetchRequest,
  signal: AbortSignal,
): Promise<FetchResponse> {
  const body = form ? Buffer.from(new URLSearchParams(form).toString()) : null;
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    method: body ? 'POST' : 'GET',
    // What was checked is what is connected to: the name is not resolved again.
    lookup: (_hostname, { all }, done) => {
      const [first] = addresses as [Resolved];
      if (all) done(null, [...addresses]);
      else done(null, first.address, first.family);
    },
    // Neither a connection of before, nor a proxy of the environment's.
    agent: false,
    maxHeaderSize: MOST_HEAD_BYTES,
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
    // RFC 9110 §15.2.2: nobody asked for another protocol.
    outgoing.on('upgrade', () => fail(new FetchError('bad_answer')));
    outgoing.on('response', (incoming) => {
      read(incoming, maxBytes)
        .then(resolve, fail)
        .finally(() => outgoing.destroy());
    });
    outgoing.end(body ?? undefined);
  });
}

function withoutFragment(url: URL): URL {
  const sent = new URL(url);
  sent.hash = '';
  return sent;
}

async function read(incoming: IncomingMessage, maxBytes: number): Promise<FetchResponse> {
  const status = incoming.statusCode ?? 0;
  if (status >= 300 && status <= 399) throw new FetchError('redirect');
  const {
    'content-encoding': encoding = 'identity',
    'content-type': type = '',
    'cache-control': cacheControl = '',
  } = incoming.headers;
  const media = readMediaType(type)?.essence ?? '';
  if (maxBytes === 0) return { status, type: media, cacheControl, body: Buffer.alloc(0) };
  // It was not asked for, and would have to be unpacked within bounds.
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
  // What OpenSSL says of a certificate, and of a handshake that came to nothing.
  if (
    /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|CRL_|UNABLE_TO|ERROR_IN|SELF_SIGNED|DEPTH_ZERO|INVALID_|PATH_LENGTH|HOSTNAME_)/.test(
      code,
    )
  )
    return 'tls';
  return 'unreachable';
}
