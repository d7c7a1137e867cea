import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { isSessionLive, type LiveSession } from '../../sessions/index.ts';
import { type KeyRing, readIdTokenHint } from '../../tokens/index.ts';
import type { ClientCache, LiveClient } from '../index.ts';

/** What a client asks for when it sends a browser to log out, as far as it can be believed. */
export interface LogoutRequest {
  readonly client: LiveClient | null;
  /** One that the client registered; null: the browser stays here. */
  readonly redirectUri: string | null;
  /** The session that an ID token of ours names; null without one. */
  readonly sid: string | null;
  /** Why it is not followed, wholly or back to the client; null: it is. */
  readonly fault: OAuthError | null;
}

function invalidRequest(fault: OAuthError): LogoutRequest {
  return { client: null, redirectUri: null, sid: null, fault };
}

/**
 * Reads the parameters (OIDC RP-Initiated Logout §2). What does not fit together says nothing: a hint that is not ours or was given to
 * another client than the one that is named, a client that is not there. A hint of a key that is gone is no hint.
 */
export async function readLogoutRequest(
  { keys, issuer, clients }: { keys: KeyRing; issuer: string; clients: Pick<ClientCache, 'load'> },
  given: Readonly<Partial<Record<'id_token_hint' | 'client_id' | 'post_logout_redirect_uri', string>>>,
): Promise<LogoutRequest> {
  const read = given.id_token_hint === undefined ? 'unknown_key' : readIdTokenHint(keys, issuer, given.id_token_hint);
  if (read === null) return invalidRequest(invalidHint('id_token_hint is no ID token of this server.'));
  const hint = read === 'unknown_key' ? null : read;
  // OIDC RP-Initiated Logout §2: the client that is named is the one that the ID token was issued to.
  const clientId = given.client_id ?? hint?.aud;
  const uri = given.post_logout_redirect_uri;
  if (clientId === undefined)
    return uri === undefined
      ? { client: null, redirectUri: null, sid: null, fault: null }
      : invalidRequest(
          invalidHint('post_logout_redirect_uri comes without a client: send id_token_hint or client_id.'),
        );
  if (hint && hint.aud !== clientId)
    return invalidRequest(invalidHint('id_token_hint was given to another client than client_id.'));
  const client = await clients.load(clientId);
  if (!client?.isActive)
    return invalidRequest(new OAuthError('invalid_client', 'There is no such client.', { reason: 'client_unknown' }));
  // OIDC RP-Initiated Logout §3: exactly one of those that were registered, by simple string comparison.
  const isRegistered = uri !== undefined && client.settings.postLogoutRedirectUris.includes(uri);
  const fault = uri === undefined || isRegistered ? null : unregisteredUri();
  return { client, redirectUri: isRegistered ? uri : null, sid: hint?.sid ?? null, fault };
}

function invalidHint(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'logout_hint' });
}

function unregisteredUri(): OAuthError {
  return new OAuthError('invalid_request', 'post_logout_redirect_uri is not registered for this client.', {
    reason: 'logout_uri_unregistered',
  });
}

/** `end`: the browser's session, then back to the client; `back`: there is none to end; `done`: nobody is signed in, and nobody is sure who asks. */
export type LogoutStep = 'end' | 'ask' | 'back' | 'done';

/**
 * What a request comes to (OIDC RP-Initiated Logout §2). A session ends without a question only when the client shows an ID token of
 * just this one: everything else could be anybody's link.
 */
export async function nextLogoutStep(
  db: Database,
  { sid }: LogoutRequest,
  session: Pick<LiveSession, 'id'> | null,
  how: {
    /** The user said so, on a page of ours. */
    readonly isConfirmed: boolean;
    /** A page of another site posted it: browsers send no cookie then (SameSite=Lax), and a session there may be. */
    readonly isCrossSitePost: boolean;
  },
  now: Date,
): Promise<LogoutStep> {
  if (session) return how.isConfirmed || sid === session.id ? 'end' : 'ask';
  if (how.isConfirmed) return 'back';
  // One that lives elsewhere is not ended from here, and its client is not told that it was.
  if (sid !== null) return (await isSessionLive(db, sid, now)) ? 'ask' : 'back';
  return how.isCrossSitePost ? 'ask' : 'done';
}
