import type { AuditContext } from '../../audit/index.ts';
import { isLoopbackHost } from '../../platform/config/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { OAuthError } from '../../platform/http/index.ts';
import type { Clock } from '../../platform/time.ts';
import { ensureCurrentKey, hasCurrentKey, type KeyRing } from '../../tokens/index.ts';
import { clientSettings } from '../client-settings/index.ts';
import { createClient } from '../clients/clients.ts';
import { apisById } from '../clients/lookup.ts';
import type { Client } from '../entities.ts';
import { oauthError } from '../errors.ts';
import { isMetadataError } from '../metadata-errors.ts';
import { useInitialToken } from './initial-tokens.ts';
import { readMetadata, registeredMetadata } from './metadata.ts';
import type { ClientMetadata } from './schemas.ts';

export interface RegistrationDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly masterKey: Buffer;
  readonly registration: 'off' | 'token';
  /** SIGNET_REDIRECT_SCHEMES. */
  readonly redirectSchemes: readonly string[];
}

/** A registration request, and the error of its schema validation. */
export interface RegistrationRequest {
  readonly authorization: string | undefined;
  readonly metadata: ClientMetadata;
  /** The first member of a wrong type; absent when there is none. */
  readonly fault?: { readonly member: string; readonly detail: string };
  readonly requestId: string;
}

/**
 * Registers a program with an initial access token (RFC 7591 §3). It is not first-party and its boundary is empty:
 * until an administrator changes that, it learns who its users are and carries none of their permissions. One
 * transaction: a refused request uses up nothing.
 */
export async function register(deps: RegistrationDeps, request: RegistrationRequest) {
  const { db, clock, issuer, keys, registration } = deps;
  if (registration === 'off') throw oauthError('registration_off', { status: 403 });
  const secret = readBearer(request.authorization);
  const now = clock.now();
  const redirectRules = {
    httpsOnly: !isLoopbackHost(new URL(issuer).hostname),
    schemes: deps.redirectSchemes,
  };
  const registered = await db.fork().transactional(async (tx) => {
    const token = await useInitialToken(tx, secret, now);
    if (!token) throw unauthorized('registration_token_invalid');
    if (request.fault) throw faultError(request.fault);
    const input = readMetadata(request.metadata, redirectRules);
    const actor = { kind: 'anonymous', id: null, label: `registration token ${token.label}` } as const;
    const audit = { at: now, actor, requestId: request.requestId };
    const requests = await apisById(tx, token.apiIds);
    const created = await createClient(tx, audit, { ...input, requests }).catch(refuseMetadata);
    const isKeyNew = await ensureKeys(tx, audit, deps.masterKey, created.client);
    return { ...created, isKeyNew };
  });
  // Other processes are notified; this one may be asked first.
  if (registered.isKeyNew) await keys.reload();
  return {
    client_id: registered.client.clientId,
    client_id_issued_at: Math.floor(now.getTime() / 1000),
    // RFC 7591 §3.2.1: REQUIRED with a secret.
    ...(registered.secret === null ? {} : { client_secret: registered.secret, client_secret_expires_at: 0 }),
    ...registeredMetadata(registered.client, request.metadata),
  };
}

/** RFC 6750 §2.1. */
function readBearer(authorization: string | undefined): string {
  if (authorization === undefined) throw unauthorized('registration_token_missing');
  const token = /^Bearer +([A-Za-z0-9_-]{43})$/i.exec(authorization)?.[1];
  if (token === undefined) throw unauthorized('registration_token_malformed');
  return token;
}

/** RFC 6750 §3.1: without a token, the challenge has no error. */
function unauthorized(
  reason: 'registration_token_missing' | 'registration_token_malformed' | 'registration_token_invalid',
): OAuthError {
  const error = reason === 'registration_token_missing' ? '' : ', error="invalid_token"';
  return oauthError(reason, { headers: { 'www-authenticate': `Bearer realm="signet"${error}` } });
}

function faultError(fault: { readonly member: string; readonly detail: string }): OAuthError {
  return oauthError(fault.member === 'redirect_uris' ? 'redirect_uris_malformed' : 'metadata_malformed', fault);
}

function refuseMetadata(error: unknown): never {
  throw isMetadataError(error) ? oauthError('metadata_refused', { error }) : error;
}

/** Ensures that the client's algorithms have a key when it is registered. */
async function ensureKeys(
  tx: Parameters<typeof hasCurrentKey>[0],
  audit: AuditContext,
  masterKey: Buffer,
  client: Client,
): Promise<boolean> {
  const { idTokenAlg, userinfoAlg } = clientSettings(client);
  let isNew = false;
  for (const alg of new Set([idTokenAlg, userinfoAlg ?? idTokenAlg])) {
    if (await hasCurrentKey(tx, alg)) continue;
    await ensureCurrentKey(tx, audit, masterKey, alg);
    isNew = true;
  }
  return isNew;
}
