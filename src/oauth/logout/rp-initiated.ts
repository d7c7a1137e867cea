import type { Database } from '../../platform/database/index.ts';
import { isSessionLive, type LiveSession } from '../../sessions/index.ts';
import { type KeyRing, readIdTokenHint } from '../../tokens/index.ts';
import type { ClientCache, LiveClient, RefusalReason } from '../index.ts';

/** A validated logout request of a client. */
export interface LogoutRequest {
  readonly client: LiveClient | null;
  /** A registered URI of the client; null: the browser stays here. */
  readonly redirectUri: string | null;
  /** The session in the ID token hint; null without one. */
  readonly sid: string | null;
  /** Why the request, or its redirect, is not followed; null: it is. The page has its text from `oauthError`. */
  readonly fault: LogoutFault | null;
}

export type LogoutFault = Extract<RefusalReason, 'client_unknown' | `logout_${string}`>;

function invalidRequest(fault: LogoutFault): LogoutRequest {
  return { client: null, redirectUri: null, sid: null, fault };
}

/**
 * Reads the parameters (OIDC RP-Initiated Logout §2). Inconsistent parameters are a fault: a hint that is not from this
 * server or was issued to another client, a client that does not exist. A hint whose key is no longer loaded is
 * ignored.
 */
export async function readLogoutRequest(
  { keys, issuer, clients }: { keys: KeyRing; issuer: string; clients: Pick<ClientCache, 'load'> },
  parameters: Readonly<Partial<Record<'id_token_hint' | 'client_id' | 'post_logout_redirect_uri', string>>>,
): Promise<LogoutRequest> {
  const hintResult =
    parameters.id_token_hint === undefined ? 'unknown_key' : readIdTokenHint(keys, issuer, parameters.id_token_hint);
  if (hintResult === null) return invalidRequest('logout_hint_invalid');
  const hint = hintResult === 'unknown_key' ? null : hintResult;
  // OIDC RP-Initiated Logout §2: client_id must be the client that the ID token was issued to.
  const clientId = parameters.client_id ?? hint?.aud;
  const uri = parameters.post_logout_redirect_uri;
  if (clientId === undefined)
    return uri === undefined
      ? { client: null, redirectUri: null, sid: null, fault: null }
      : invalidRequest('logout_client_missing');
  if (hint && hint.aud !== clientId) return invalidRequest('logout_hint_of_other_client');
  const client = await clients.load(clientId);
  if (!client?.isActive) return invalidRequest('client_unknown');
  // OIDC RP-Initiated Logout §3: one of the registered URIs, by simple string comparison.
  const isRegistered = uri !== undefined && client.settings.postLogoutRedirectUris.includes(uri);
  const fault = uri === undefined || isRegistered ? null : 'logout_uri_unregistered';
  return { client, redirectUri: isRegistered ? uri : null, sid: hint?.sid ?? null, fault };
}

/**
 * `end`: end the browser's session, then redirect to the client. `ask`: ask the user. `back`: redirect; there is no
 * session to end. `done`: no one is signed in, and the client is not verified.
 */
export type LogoutStep = 'end' | 'ask' | 'back' | 'done';

/**
 * Decides the next step of a logout request (OIDC RP-Initiated Logout §2). A session ends without a question only when
 * the client sends an ID token of this session: any other request could come from any page.
 */
export async function nextLogoutStep(
  db: Database,
  { sid }: LogoutRequest,
  session: Pick<LiveSession, 'id'> | null,
  context: {
    /** The user confirmed it on a page of this server. */
    readonly isConfirmed: boolean;
    /**
     * A page of another site posted the form: the browser sends no cookie then (SameSite=Lax), though a session may
     * exist.
     */
    readonly isCrossSitePost: boolean;
  },
  now: Date,
): Promise<LogoutStep> {
  if (session) return context.isConfirmed || sid === session.id ? 'end' : 'ask';
  if (context.isConfirmed) return 'back';
  // A session of another browser is not ended from here, and the client must not conclude that it was.
  if (sid !== null) return (await isSessionLive(db, sid, now)) ? 'ask' : 'back';
  return context.isCrossSitePost ? 'ask' : 'done';
}
