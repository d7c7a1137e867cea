import { timingSafeEqual } from 'node:crypto';
import { isStorable } from '../platform/casefold.ts';
import { digest } from '../platform/digest.ts';
import type { OAuthError } from '../platform/http/index.ts';
import {
  type AssertionResult,
  type Assertions,
  type PresentedAssertion,
  readAssertion,
} from './assertion/assertions.ts';
import type { ClientCache, LiveClient } from './clients/cache.ts';
import { oauthError } from './errors.ts';

/** The client credentials of a request, not checked yet: the Authorization header and the form. */
export interface PresentedClient {
  readonly authorization: string | undefined;
  /** One object per HTTP request: an assertion in it is used once. */
  readonly form: Readonly<Record<string, string>>;
  /** The DPoP header (RFC 9449 §4.1). */
  readonly dpop?: string | undefined;
}

/**
 * An authenticated client, as cached by this process. The request reads the client's version in a statement that it
 * needs anyway, and passes it to `revalidate` before it uses the client.
 */
export interface Caller {
  /** Its principal's id. */
  readonly id: string;
  /** Possibly stale: only for choosing what to read. */
  readonly peek: LiveClient;
  /**
   * Returns the client at the version that was read; null reads it again. Throws when it has changed and no longer
   * authenticates.
   */
  revalidate(version: number | null): Promise<LiveClient>;
}

/**
 * Authenticates the client by exactly one method (RFC 6749 §2.3): `client_secret_basic` or `client_secret_post` for the
 * same client, or `private_key_jwt`. An unknown client, wrong credentials, a disabled client and a public one get the
 * same error. `allowPublic`: a client without a secret may identify itself by its id (RFC 7009 §2.1).
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
      const result = await verifyAssertion(client, clients.assertions, assertion, now);
      audiences = typeof result === 'string' ? null : result.audiences;
      return result === 'valid';
    }
    if (secret === undefined) return isPublic(client, options.allowPublic ?? false);
    return hasSecret(client, secret, now);
  };
  const authenticated = async (client: LiveClient | null | undefined) =>
    (await isAuthenticatedAs(client)) && client?.isActive ? client : null;
  const load = async () => {
    const client = await authenticated(await clients.load(clientId));
    // RFC 7523 §3: the assertion is for another server, or another URL of this one. Only a client that has proven its key reads that.
    if (!client) throw audiences ? oauthError('assertion_audience_invalid', { audiences }) : invalidClient(isBasic);
    return client;
  };
  // What the cache refuses may be valid by now: a new secret, a client enabled again.
  const peek = (await authenticated(clients.peek(clientId))) ?? (await load());
  // RFC 7523 §3: marked as used only after it was verified, so that only the client can use it up.
  if (assertion && !(await clients.assertions?.markUsed(assertion, presented.form))) throw invalidClient(isBasic);
  return { id: peek.id, peek, revalidate: async (version) => (version === peek.version ? peek : load()) };
}

/** RFC 7523 §2.2: by a key, for a client that is registered for this method (RFC 7591 §2). */
async function verifyAssertion(
  client: LiveClient | null | undefined,
  assertions: Assertions | null,
  assertion: PresentedAssertion,
  now: Date,
): Promise<AssertionResult> {
  if (client?.authMethod !== 'private_key_jwt' || !client.isActive || !assertions) return 'invalid';
  return assertions.verify(assertion, client, now);
}

function isPublic(client: LiveClient | null | undefined, isAllowed: boolean): boolean {
  return isAllowed && client?.authMethod === 'none';
}

/** Compares with every valid secret in constant time, whether or not the client exists. */
function hasSecret(client: LiveClient | null | undefined, secret: string, now: Date): boolean {
  const presented = digest(secret);
  let isValid = false;
  for (const { digest: secretDigest, endsAtMs } of client?.secrets ?? [])
    if (timingSafeEqual(presented, secretDigest) && now.getTime() < endsAtMs) isValid = true;
  return isValid && client?.authMethod === 'client_secret';
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
  if (methods > 1) throw oauthError('client_methods_mixed');
  if ('client_assertion' in form) {
    const assertion = readAssertion(form);
    if (!assertion) throw invalidClient(false);
    return { clientId: assertion.clientId, assertion, isBasic };
  }
  if (authorization === undefined) {
    const { client_id: clientId, client_secret: secret } = form;
    if (!clientId) throw oauthError('client_authentication_missing', { headers: challenge });
    return { clientId, secret, isBasic };
  }
  const basic = readBasic(authorization);
  if (!basic) throw invalidClient(true);
  if (form['client_id'] !== undefined && form['client_id'] !== basic.clientId) throw oauthError('client_ids_differ');
  // RFC 6749 §2.3.1: an empty secret is none. Some libraries identify public clients this way (oidc-agent,
  // requests-oauthlib).
  return { clientId: basic.clientId, secret: basic.secret === '' ? undefined : basic.secret, isBasic };
}

/** The client id in an Authorization header, not authenticated. */
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

const challenge = { 'www-authenticate': 'Basic realm="signet", charset="UTF-8"' };

/** RFC 6749 §5.2: 401, with the challenge of the scheme that was used. */
function invalidClient(isBasic: boolean): OAuthError {
  return oauthError('client_authentication_failed', isBasic ? { headers: challenge } : {});
}
