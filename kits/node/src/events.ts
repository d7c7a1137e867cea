import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { VerifierError } from './errors.ts';
import { mediaType, sendRequest } from './http.ts';
import { parseObject } from './strict-json.ts';

export interface EventStreamOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called for each new connection: earlier events may have been missed. */
  onConnected(): void;
  /** Without changes, only the signed list shows what has changed. */
  onChanges(list: string, changes: readonly (readonly [number, number])[]): void;
  onError(error: unknown): void;
}

/** Signet sends data every 15 s: a connection that is silent for this long is dead. */
const SILENCE_MS = 40_000;
const MAX_EVENT_LENGTH = 1024 * 1024;
/** Short enough that, with the time of connecting, the stream resumes within a second. */
const MAX_PAUSE_MS = 900;
/** Pause if there is no stream, or this service may not read it. */
const LONG_PAUSE_MS = 60_000;

/**
 * Follows the issuer's status events (text/event-stream) until the signal, with reconnects and `Last-Event-ID`. Events only speed things
 * up: the signed lists are authoritative, so unreadable events are ignored.
 */
export async function followEvents(options: EventStreamOptions): Promise<void> {
  const { signal } = options;
  const position = { lastEventId: '' };
  while (!signal.aborted) {
    let pauseMs = MAX_PAUSE_MS * (0.1 + 0.9 * Math.random());
    try {
      pauseMs = (await connect(options, position)) ?? pauseMs;
    } catch (error) {
      if (!signal.aborted) options.onError(error);
    }
    await pause(pauseMs, signal);
  }
}

/** Follows one connection until it ends. Returns the pause that the server asks for, if any. */
async function connect(options: EventStreamOptions, position: { lastEventId: string }): Promise<number | undefined> {
  const { url, timeoutMs, signal } = options;
  const headers = {
    accept: 'text/event-stream',
    ...(position.lastEventId === '' ? {} : { 'last-event-id': position.lastEventId }),
  };
  const response = await sendRequest(url, { headers, timeoutMs, signal }, { isBackground: true });
  try {
    const status = response.statusCode ?? 0;
    if (status !== 200 || mediaType(response.headers['content-type']) !== 'text/event-stream') {
      options.onError(new VerifierError('request_failed', { detail: `the event stream answers ${status}` }));
      const retryAfter = Number(response.headers['retry-after']);
      if (status === 429 || status === 503)
        return retryAfter > 0 ? Math.min(retryAfter * 1000, LONG_PAUSE_MS) : undefined;
      return status >= 500 ? undefined : LONG_PAUSE_MS;
    }
    response.socket.setTimeout(SILENCE_MS, () => response.destroy(new Error('the event stream is silent')));
    options.onConnected();
    await readEvents(response, position, options);
    return undefined;
  } finally {
    response.destroy();
  }
}

/** Parses the event stream (HTML §9.2.6), as far as Signet uses it. */
async function readEvents(response: IncomingMessage, position: { lastEventId: string }, options: EventStreamOptions) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let data: string[] = [];
  let length = 0;
  let id = position.lastEventId;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() as string;
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (data.length > 0) dispatch(data.join('\n'), options);
        // An id that cannot be sent in a header is not stored.
        if (/^[\x21-\x7e]{1,256}$/.test(id)) position.lastEventId = id;
        data = [];
        length = 0;
        continue;
      }
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) as RegExpExecArray;
      if (field === 'id') id = value as string;
      if (field !== 'data') continue;
      data.push(value as string);
      length += line.length;
    }
    if (rest.length + length > MAX_EVENT_LENGTH) {
      // Avoids the same event again: the lists are polled at the next connection.
      position.lastEventId = '';
      throw new VerifierError('request_failed', { detail: 'the event is too long' });
    }
  }
}

function dispatch(data: string, { onChanges, onConnected }: EventStreamOptions): void {
  const event = parseObject(Buffer.from(data));
  const { list, changes } = event ?? {};
  // Like a new connection: for an unreadable event only the signed lists are valid.
  if (typeof list !== 'string' && typeof list !== 'number') onConnected();
  else onChanges(String(list), Array.isArray(changes) && changes.every(isChange) ? changes : []);
}

function isChange(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    timer.unref();
    signal.addEventListener('abort', finish);
  });
}
