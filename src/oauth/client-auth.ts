import { timingSafeEqual } from 'node:crypto';
import { isStorable } from '../platform/casefold.ts';
import { digest } from '../platform/digest.ts';
import { OAuthError } from '../platform/http/index.ts';
import {
  type AssertionResult,
  type Assertions,
  type PresentedAssertion,
  readAssertion,
} from './assertion/assertions.ts';
import type { ClientCache, LiveClient } from './clients/cache.ts';

/** What a request says of its client: the Authorization header and the form, read already. */
export interface PresentedClient {
  readonly authorization: string | undefined;
  /** One object for one HTTP request: an assertion in it counts once. */
  readonly form: Readonly<Record<string, string>>;
  /** The DPoP header (RFC 9449 §4.1). */
  readonly dpop?: string | undefined;
}

/**
 * A client that has shown its credentials, by what this process knows of it. The request reads its version in the one statement
 * that it needs anyway; what it may then see or do hangs on `confirm`.
 */
export interface Caller {
  /** Its principal's id. */
  readonly id: string;
  /** Perhaps stale: for asking after the right things, for nothing else. */
  readonly peek: LiveClient;
  /** The client as of the version that was read; null reads it anew. Refuses one that has changed and does not pass any more. */
  revalidate(version: number | null): Promise<LiveClient>;
}

/**
 * Who asks? RFC 6749 §2.3: by exactly one method, `client_secret_basic` or `client_secret_post` for the same client, or
 * `private_key_jwt`, before anything else is read. An unknown client, wrong credentials, a disabled client and a public one are
 * refused alike. `allowPublic`: a client without a secret may name itself (RFC 7009 §2.1).
 */
export async function authenticateClient(
  clients: ClientCache,
  presented: PresentedClient,
  now: Date,
  options: { allowPublic?: boolean } = {},
): Promise<Caller> {
  const { clientId, secret, assertion, isBasic } = readCredentials(presented);
  let audiences: readonly string[] | null = null;
  const isAuthenticatedAs = async (client: LiveClient | null | undefined) => {
    if (assertion) {
      const judgement = await verifyAssertion(client, clients.assertions, assertion, now);
      audiences = typeof judgement === 'string' ? null : judgement.audiences;
      return judgement === 'right';
    }
    if (secret === undefined) return isPublic(client, options.allowPublic ?? false);
    return hasSecret(client, secret, now);
  };
  const authenticated = async (client: LiveClient | null | undefined) =>
    (await isAuthenticatedAs(client)) && client?.isActive ? client : null;
  const load = async () => {
    const client = await authenticated(await clients.load(clientId));
    if (!client) throw audiences ? wrongAudience(audiences) : invalidClient(isBasic);
    return client;
  };
  // What does not pass may be right by now: a new secret, a client enabled again.
  const peek = (await authenticated(clients.peek(clientId))) ?? (await load());
  // RFC 7523 §3: after it was found right, so that nobody else can use it up.
  if (assertion && !(await clients.assertions?.markUsed(assertion, presented.form))) throw invalidClient(isBasic);
  return { id: peek.id, peek, revalidate: async (version) => (version === peek.version ? peek : load()) };
}

/** RFC 7523 §2.2: by a key, and only a client that is registered for it (RFC 7591 §2). */
async function verifyAssertion(
  client: LiveClient | null | undefined,
  assertions: Assertions | null,
  assertion: PresentedAssertion,
  now: Date,
): Promise<AssertionResult> {
  if (client?.authMethod !== 'private_key_jwt' || !client.isActive || !assertions) return 'wrong';
  return assertions.verify(assertion, client, now);
}

function isPublic(client: LiveClient | null | undefined, isAllowed: boolean): boolean {
  return isAllowed && client?.authMethod === 'none';
}

/** Compares with every secret that is good, in constant time, whether the client exists or not. */
function hasSecret(client: LiveClient | null | undefined, secret: string, now: Date): boolean {
  const presented = digest(secret);
  let isRight = false;
  for (const { digest: stored, endsAtMs } of client?.secrets ?? [])
    if (timingSafeEqual(presented, stored) && now.getTime() < endsAtMs) isRight = true;
  return isRight && client?.authMethod === 'client_secret';
}

interface Credentials {
  readonly clientId: string;
  readonly secret?: string | undefined;
  readonly assertion?: PresentedAssertion;
  readonly isBasic: boolean;
}

function readCredentials({ authorization, form }: PresentedClient): Credentials {
  const isBasic = authorization !== undefined;
  const methods = [isBasic, 'client_secret' in form, 'client_assertion' in form].filter(Boolean).length;
  if (methods > 1) throw new OAuthError('invalid_request', 'Authenticate the client by one method only.');
  if ('client_assertion' in form) {
    const assertion = readAssertion(form);
    if (!assertion) throw invalidClient(false);
    return { clientId: assertion.clientId, assertion, isBasic };
  }
  if (authorization === undefined) {
    const { client_id: clientId, client_secret: secret } = form;
    if (!clientId) throw new OAuthError('invalid_client', 'Authenticate the client.', { headers: challenge });
    return { clientId, secret, isBasic };
  }
  const basic = readBasic(authorization);
  if (!basic) throw invalidClient(true);
  if (form['client_id'] !== undefined && form['client_id'] !== basic.clientId)
    throw new OAuthError('invalid_request', 'The form names another client than the Authorization header.');
  // RFC 6749 §2.3.1: an empty secret is none. Programs without one name themselves so (oidc-agent, requests-oauthlib).
  return { clientId: basic.clientId, secret: basic.secret === '' ? undefined : basic.secret, isBasic };
}

/** The client that an Authorization header names, whether or not it is right. */
export function basicClientId(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : readBasic(authorization)?.clientId;
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. Null for anything malformed. */
function readBasic(authorization: string): { clientId: string; secret: string } | null {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (
    encoded === undefined ||
    Buffer.from(encoded, 'base64').toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '')
  )
    return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1 || text.includes('\ufffd')) return null;
  const clientId = formDecode(text.slice(0, colon));
  const secret = formDecode(text.slice(colon + 1));
  return clientId === null || secret === null ? null : { clientId, secret };
}

function formDecode(text: string): string | null {
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '));
    return isStorable(decoded) ? decoded : null;
  } catch {
    return null;
  }
}

/** RFC 7523 §3: for another server, or another address of this one. Said to who has shown the client's key, and to nobody else. */
function wrongAudience(audiences: readonly string[]): OAuthError {
  return new OAuthError(
    'invalid_client',
    `The aud of client_assertion has to be ${audiences.join(' or ')}, as one text.`,
  );
}

const challenge = { 'www-authenticate': 'Basic realm="signet", charset="UTF-8"' };

/** RFC 6749 §5.2: 401, with the challenge of the scheme that was used. */
function invalidClient(isBasic: boolean): OAuthError {
  return new OAuthError(
    'invalid_client',
    'This client and its credentials do not belong together.',
    isBasic ? { headers: challenge } : {},
  );
}
