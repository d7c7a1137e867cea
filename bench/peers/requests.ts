import { tokensOf } from '../fixtures.ts';
import { ask } from '../load/ask.ts';
import { basic, type PlannedRequest, request } from '../load/request.ts';

// Requests that every OAuth server takes in the same form.

export interface Credentials {
  readonly id: string;
  readonly secret: string;
}

/** Tokens that are asked about in turn. */
export const INTROSPECTED = 1000;
/** Users whose claims are asked for in turn. */
export const USERS = 100;
/** Connections of the load, for everything but logins: enough that no server waits for the next request. */
export const CONNECTIONS = 32;
/** Logins at once: the hash pool never idles, and its queue never fills. */
export const LOGINS = 8;
/** Families that each connection takes in turn, so that no row is written more often than people would in hours. */
export const FAMILIES = CONNECTIONS * 50;
/** Of every user of every peer. */
export const peerPassword = 'a phrase that is long enough';
export const USER_SCOPE = 'openid profile email';

export function post(path: string, client: Credentials, form: Record<string, string>): PlannedRequest {
  return request('POST', path, { headers: basic(client.id, client.secret), form });
}

/** Different tokens of one client, each as a request that asks about it. */
export async function introspections(
  port: number,
  asked: PlannedRequest,
  about: (token: string) => PlannedRequest,
): Promise<PlannedRequest[]> {
  return (await tokensOf(port, asked, INTROSPECTED)).map(about);
}

export function userinfo(path: string, token: string): PlannedRequest {
  return request('GET', path, { headers: { authorization: `Bearer ${token}` } });
}

/** Each answer has the successor that its connection sends next. */
export function rotation(path: string, client: Credentials, token: string): PlannedRequest {
  const next = (answer: string) => {
    const successor = /"refresh_token": ?"([^"]+)"/.exec(answer)?.[1];
    // What comes back without one is counted as a failure; the same is tried again.
    return successor && formOf(successor);
  };
  return { ...post(path, client, { grant_type: 'refresh_token', refresh_token: token }), next };
}

function formOf(token: string): string {
  return new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }).toString();
}

/** Each is sent once: what is measured afterwards is its successor. */
export async function rotatedOnce(port: number, asked: readonly PlannedRequest[]): Promise<PlannedRequest[]> {
  return inTurn(asked, CONNECTIONS, async (one) => {
    const { body } = await ask(port, one);
    return { ...one, body: one.next?.(body) as string };
  });
}

/** What `make` makes of each, a few at once, in the same order. */
export async function inTurn<T, R>(given: readonly T[], atOnce: number, make: (one: T) => Promise<R>): Promise<R[]> {
  const made: R[] = [];
  let next = 0;
  const some = async () => {
    for (let n = next++; n < given.length; n = next++) made[n] = await make(given[n] as T);
  };
  await Promise.all(Array.from({ length: atOnce }, some));
  return made;
}
