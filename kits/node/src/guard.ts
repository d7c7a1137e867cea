import type { Demand } from './demand.ts';
import { VerifierError } from './errors.ts';
import type { User } from './user.ts';
import type { Verifier } from './verifier.ts';

/** The parts of a request that every framework has. `headersDistinct` shows repeated headers. */
export interface GuardedRequest {
  readonly headers: {
    readonly authorization?: string | undefined;
    readonly dpop?: string | readonly string[] | undefined;
  };
  readonly method?: string | undefined;
  /** Path and query; Express has the whole path in `originalUrl`, because its routers shorten `url`. */
  readonly url?: string | undefined;
  readonly originalUrl?: string | undefined;
  readonly headersDistinct?: { readonly [name: string]: readonly string[] | undefined };
}

const users = new WeakMap<object, User>();

/** Returns the user of a request that a guard passed. Throws Error if the route has no guard. */
export function userOf(request: object): User {
  const user = users.get(request);
  if (!user) throw new Error('There is no user of this request: put guard(verifier) before its handler.');
  return user;
}

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly title: string; readonly status: number; readonly code: string };
}

/** Authenticates the request, or returns the response to send. `key` identifies the request for `userOf`. Rethrows other errors. */
export async function guardRequest(
  verifier: Pick<Verifier, 'admit'>,
  demand: Demand,
  key: object,
  request: GuardedRequest,
): Promise<Refusal | undefined> {
  try {
    const { headers, headersDistinct, method = '', url = '/', originalUrl = url } = request;
    const proof = headersDistinct?.['dpop'] ?? headers.dpop;
    const dpop = proof === undefined ? undefined : { proof, method, url: originalUrl };
    const authorization = headersDistinct?.['authorization'] ?? headers.authorization;
    users.set(key, await verifier.admit(authorization, demand, { dpop }));
    return undefined;
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    const headers = { ...error.headers, 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
    return { status: error.status, headers, body: error.problem };
  }
}
