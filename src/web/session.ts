/**
 * web: the pages that people see, a folder for each.
 * Owns: home, setup, sign-in, the interaction of an authorization request, devices, logout; all work without scripts.
 * Does not own: any rule; each page reads its form, calls one verb below and shows the outcome.
 * Neighbours: ui and oauth below; api beside it.
 */
import type { AuthorizeEndpoint, RequestOrigin } from '../oauth/index.ts';
import { newSecret } from '../platform/digest.ts';
import type { BrowserCookie, Reply, Request, SessionCookie } from '../platform/http/index.ts';
import { findSession, type LiveSession, type SessionLife } from '../sessions/index.ts';

/** What the pages of a sign-in work with. */
export interface SignInDeps {
  readonly endpoint: AuthorizeEndpoint;
  readonly sessionLife: SessionLife;
  readonly session: SessionCookie;
  readonly flow: BrowserCookie;
}

/** The live session of the request's cookie; null for nobody. */
export async function currentSession(deps: SignInDeps, request: Request): Promise<LiveSession | null> {
  const token = deps.session.read(request);
  if (token === null) return null;
  const { db, clock } = deps.endpoint;
  return findSession(db, token, clock.now(), deps.sessionLife.idleSeconds);
}

/** Which browser this is; one that was never here is given a secret of its own. */
export function browserBinding({ flow }: SignInDeps, request: Request, reply: Reply): string {
  const known = flow.read(request);
  if (known !== null) return known;
  const secret = newSecret();
  flow.write(reply, secret);
  return secret;
}

/**
 * Where a request comes from, and whether somebody sees the answer. Fetch Metadata §2.1: by browsers that say so it is for a window of its own,
 * and not loaded in advance (`Sec-Purpose`). Pages of Signet are shown in no frame.
 */
export function requestOrigin({ ip, headers }: Request): RequestOrigin {
  const { 'sec-fetch-dest': destination = 'document', 'sec-purpose': purpose = '' } = headers;
  return { ip, isTopLevel: destination === 'document' && !/\bprefetch\b/.test(purpose.toString()) };
}
