/**
 * web: the pages that people see, a folder for each.
 * Owns: home, setup, sign-in, the interaction of an authorization request, devices, logout; all work without scripts.
 * Does not own: any rule; each page reads its form, calls one verb below and shows the outcome.
 * Neighbours: ui and oauth below; api beside it.
 */
import type { AuthorizeEndpoint, RequestOrigin } from '../oauth/index.ts';
import { newSecret } from '../platform/digest.ts';
import type { BrowserCookie, Reply, Request, SessionCookie } from '../platform/http/index.ts';
import type { SessionDeps } from '../sessions/index.ts';

/** The dependencies of the sign-in pages. */
export interface SignInDeps extends SessionDeps {
  readonly endpoint: AuthorizeEndpoint;
  readonly session: SessionCookie;
  readonly flow: BrowserCookie;
}

/** Returns the secret of the browser; sets one if the browser has none. */
export function browserBinding({ flow }: SignInDeps, request: Request, reply: Reply): string {
  const existing = flow.read(request);
  if (existing !== null) return existing;
  const secret = newSecret();
  flow.write(reply, secret);
  return secret;
}

/**
 * Returns the network of a request, and whether a person sees the response. Fetch Metadata §2.1: browsers that send it
 * say that the request is for a window, and not a prefetch (`Sec-Purpose`). Pages of Signet are never framed.
 */
export function requestOrigin({ ip, headers }: Request): RequestOrigin {
  const { 'sec-fetch-dest': destination = 'document', 'sec-purpose': purpose = '' } = headers;
  return { ip, isTopLevel: destination === 'document' && !/\bprefetch\b/.test(purpose.toString()) };
}
