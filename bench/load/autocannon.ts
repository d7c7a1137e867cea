import { createRequire } from 'node:module';
import type { PlannedRequest } from './request.ts';

/** What the bench uses of autocannon, which has no types of its own and is installed with the peers only. */
export interface AutocannonOptions {
  readonly url: string;
  readonly connections: number;
  readonly duration: number;
  readonly timeout: number;
  /** Milliseconds; a stop is noticed at the end of one. */
  readonly sampleInt: number;
  readonly connectionRate?: number;
  readonly ignoreCoordinatedOmission?: boolean;
  /** Called for every connection before it sends. */
  setupClient(client: AutocannonClient): void;
}

export interface AutocannonRequest extends Omit<PlannedRequest, 'next'> {
  /** Called before each sending. */
  readonly setupRequest?: (request: AutocannonRequest) => AutocannonRequest;
  readonly onResponse?: (status: number, body: string) => void;
}

/** One connection. */
export interface AutocannonClient {
  setRequests(requests: AutocannonRequest[]): void;
  on(event: 'request', listener: () => void): void;
  /** `headers` holds names and values by turns. */
  on(event: 'headers', listener: (head: { statusCode: number; headers: string[] }) => void): void;
  /** The time in milliseconds has a fraction, unlike autocannon's own statistics. */
  on(event: 'response', listener: (status: number, bytes: number, milliseconds: number) => void): void;
}

export interface AutocannonRun extends PromiseLike<unknown> {
  stop(): void;
}

export function autocannon(options: AutocannonOptions): AutocannonRun {
  return createRequire(import.meta.url)('autocannon')(options);
}
