import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { VerifierError } from './errors.ts';

export interface Ask {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Until the headers of the answer are there, and for `read` until its end. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const failed = (url: string, detail: string, cause?: unknown) =>
  new VerifierError('request_failed', { detail: `${new URL(url).pathname}: ${detail}`, cause });

/**
 * Begins a request and answers when its headers are there. Redirects are not followed and nothing is decompressed: what comes
 * is what was sent. Throws `request_failed`.
 */
export function open(url: string, ask: Ask, own: { readonly isBackground?: boolean } = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, timeoutMs, signal } = ask;
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
      signal,
      // A connection of its own, which does not keep the process alive.
      ...(own.isBackground ? { agent: false as const } : {}),
    });
    if (own.isBackground) request.once('socket', (socket) => socket.unref());
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

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** The whole answer, as long as it has at most `maxBytes`: one that has more is cut off, not read. Throws `request_failed`. */
export async function read(url: string, ask: Ask, maxBytes: number): Promise<Answer> {
  const begun = performance.now();
  const response = await open(url, ask);
  const left = Math.max(1, ask.timeoutMs - (performance.now() - begun));
  const timer = setTimeout(() => response.destroy(new Error(`no whole answer in ${ask.timeoutMs} ms`)), left);
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
export function basic({ clientId, clientSecret }: { clientId: string; clientSecret: string }): string {
  const encode = (text: string) => new URLSearchParams({ v: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
}
