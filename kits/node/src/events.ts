import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { VerifierError } from './errors.ts';
import { open } from './http.ts';
import { mediaType } from './media-type.ts';
import { parseObject } from './strict-json.ts';

export interface EventStreamRules {
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** A connection is there: what came before it may have been missed. */
  onConnected(): void;
  /** No changes: something has changed, and only the signed list says what. */
  onChanges(list: string, changes: readonly (readonly [number, number])[]): void;
  onError(error: unknown): void;
}

/** Signet sends something every 15 s: who is silent for so long is gone. */
const SILENCE_MS = 40_000;
const MAX_EVENT_LENGTH = 1024 * 1024;
/** With the time that connecting takes there is a stream again within a second. */
const MAX_PAUSE_MS = 900;
/** Where there is no stream, or not for us. */
const LONG_PAUSE_MS = 60_000;

/**
 * One connection to the issuer's changes of status (text/event-stream), begun anew by itself, with `Last-Event-ID`, until the
 * signal. It is a hurry-up only: the signed lists are the truth, so whatever cannot be read here is passed over.
 */
export async function followEvents(rules: EventStreamRules): Promise<void> {
  const { signal } = rules;
  const place = { lastEventId: '' };
  while (!signal.aborted) {
    let pauseMs = MAX_PAUSE_MS * (0.1 + 0.9 * Math.random());
    try {
      pauseMs = (await connect(rules, place)) ?? pauseMs;
    } catch (error) {
      if (!signal.aborted) rules.onError(error);
    }
    await pause(pauseMs, signal);
  }
}

/** Follows one connection to its end. A number: the server says that it is no use to come back earlier. */
async function connect(rules: EventStreamRules, place: { lastEventId: string }): Promise<number | undefined> {
  const { url, timeoutMs, signal } = rules;
  const headers = {
    accept: 'text/event-stream',
    ...(place.lastEventId === '' ? {} : { 'last-event-id': place.lastEventId }),
  };
  const response = await open(url, { headers, timeoutMs, signal }, { isBackground: true });
  try {
    const status = response.statusCode ?? 0;
    if (status !== 200 || mediaType(response.headers['content-type']) !== 'text/event-stream') {
      rules.onError(new VerifierError('request_failed', { detail: `the event stream answers ${status}` }));
      const retryAfter = Number(response.headers['retry-after']);
      if (status === 429 || status === 503)
        return retryAfter > 0 ? Math.min(retryAfter * 1000, LONG_PAUSE_MS) : undefined;
      return status >= 500 ? undefined : LONG_PAUSE_MS;
    }
    response.socket.setTimeout(SILENCE_MS, () => response.destroy(new Error('the event stream is silent')));
    rules.onConnected();
    await readEvents(response, place, rules);
    return undefined;
  } finally {
    response.destroy();
  }
}

/** The lines of an event stream (HTML §9.2.6), as far as Signet uses them. */
async function readEvents(response: IncomingMessage, place: { lastEventId: string }, rules: EventStreamRules) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let data: string[] = [];
  let length = 0;
  let id = place.lastEventId;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() as string;
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (data.length > 0) dispatch(data.join('\n'), rules);
        // What could not be sent in a header is not remembered.
        if (/^[\x21-\x7e]{1,256}$/.test(id)) place.lastEventId = id;
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
      // Not to be given the same one again: the lists are asked for at the next connection.
      place.lastEventId = '';
      throw new VerifierError('request_failed', { detail: 'the event is too long' });
    }
  }
}

function dispatch(data: string, { onChanges, onConnected }: EventStreamRules): void {
  const event = parseObject(Buffer.from(data));
  const { list, changes } = event ?? {};
  // As at a new connection: whatever it was, only the signed lists say it.
  if (typeof list !== 'string' && typeof list !== 'number') onConnected();
  else onChanges(String(list), Array.isArray(changes) && changes.every(isChange) ? changes : []);
}

function isChange(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    timer.unref();
    signal.addEventListener('abort', end);
  });
}
