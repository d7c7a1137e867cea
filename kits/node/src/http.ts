import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { MIMEType } from 'node:util';
import { VerifierError } from './errors.ts';

export interface RequestOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Time limit until the response headers, and for `fetchBody` until the end of the body. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const failed = (url: string, detail: string, cause?: unknown) =>
  new VerifierError('request_failed', { detail: `${new URL(url).pathname}: ${detail}`, cause });

/** Sends a request and resolves with the response headers. Redirects are not followed and nothing is decompressed. Throws `request_failed`. */
export function sendRequest(
  url: string,
  options: RequestOptions,
  mode: { readonly isBackground?: boolean } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, timeoutMs, signal } = options;
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
      signal,
      // A separate connection that does not keep the process alive.
      ...(mode.isBackground ? { agent: false as const } : {}),
    });
    if (mode.isBackground) request.once('socket', (socket) => socket.unref());
    const timer = setTimeout(() => request.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    timer.unref();
    request.once('close', () => clearTimeout(timer));
    request.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    request.on('error', (error) => reject(failed(url, error.message, error)));
    request.end(body);
  });
}

export interface FetchedResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Reads the whole response if it has at most `maxBytes`; a longer one is aborted. Throws `request_failed`. */
export async function fetchBody(url: string, options: RequestOptions, maxBytes: number): Promise<FetchedResponse> {
  const startedAt = performance.now();
  const response = await sendRequest(url, options);
  const remainingMs = Math.max(1, options.timeoutMs - (performance.now() - startedAt));
  const timer = setTimeout(
    () => response.destroy(new Error(`no whole answer in ${options.timeoutMs} ms`)),
    remainingMs,
  );
  timer.unref();
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    if (response.headers['content-encoding'] !== undefined) throw new Error('the answer is encoded');
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
  } catch (error) {
    response.destroy();
    throw failed(url, (error as Error).message, error);
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
export function basicCredentials({ clientId, clientSecret }: { clientId: string; clientSecret: string }): string {
  const encode = (text: string) => new URLSearchParams({ v: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
}

/** Returns the type of a `Content-Type` field (RFC 9110 §8.3.1) in lower case, without parameters; empty if invalid. */
export function mediaType(field: string | undefined): string {
  try {
    return new MIMEType(field ?? '').essence;
  } catch {
    return '';
  }
}
