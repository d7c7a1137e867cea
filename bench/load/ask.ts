import { type IncomingHttpHeaders, request as open } from 'node:http';
import { text } from 'node:stream/consumers';
import type { PlannedRequest } from './request.ts';

const PATIENCE_SECONDS = 60;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request by itself, whatever its answer. Not by `fetch`, whose `Sec-Fetch-Mode` makes servers ask for a browser's Origin. */
export function send(port: number, { method, path, headers, body }: PlannedRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const signal = AbortSignal.timeout(PATIENCE_SECONDS * 1000);
    const options = { host: '127.0.0.1', port, method, path, headers: { ...headers, ...length }, signal };
    const sent = open(options, (answer) => {
      const { statusCode: status = 0, headers } = answer;
      text(answer).then((body) => resolve({ status, headers, body }), reject);
    });
    sent.on('error', (error) =>
      reject(new Error(`${method} ${path} at port ${port}: ${error.message}`, { cause: error })),
    );
    sent.end(body);
  });
}

/** For what a load is prepared with. Throws with the answer's text when its status is not the one expected. */
export async function ask(
  port: number,
  request: PlannedRequest,
  expected: number | readonly number[] = 200,
): Promise<Answer> {
  const answer = await send(port, request);
  if ([expected].flat().includes(answer.status)) return answer;
  const line = `${request.method} ${request.path} at port ${port}`;
  throw new Error(`${line}: ${answer.status} instead of ${expected}: ${answer.body.slice(0, 500)}`);
}

/** The value of a cookie that an answer sets, as the next request sends it: `name=value`. */
export function cookieOf(answer: Answer, name: string): string {
  const cookie = answer.headers['set-cookie']?.find((one) => one.startsWith(`${name}=`));
  if (cookie === undefined) throw new Error(`No cookie ${name} was set.`);
  return cookie.split(';', 1)[0] as string;
}
