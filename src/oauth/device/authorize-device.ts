import type { PermissionCache } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { type Clock, plusSeconds } from '../../platform/time.ts';
import { authenticateClient, type PresentedClient } from '../client-auth.ts';
import type { ClientCache } from '../clients/cache.ts';
import { resolveRequestedAccess } from '../consent/requested-access.ts';
import { oauthError } from '../errors.ts';
import { enforceRateLimit, type RateLimitDeps } from '../rate-limit.ts';
import { findDefaultTarget } from '../token/target.ts';
import { addDevice, DEVICE_SECONDS, INTERVAL_SECONDS, type NewDevice } from './device.ts';
import { formatUserCode, newUserCode } from './user-code.ts';

/** RFC 8628 §3.4. */
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

export interface DeviceEndpoint extends RateLimitDeps {
  readonly access: PermissionCache;
  readonly clients: ClientCache;
  readonly clock: Clock;
  readonly issuer: string;
}

/** The page where people type their code. */
function verificationUri(issuer: string): string {
  return `${issuer}/oauth2/device`;
}

/** Attempts to find a free code of 20^8. */
const MAX_TRIES = 5;

/**
 * RFC 8628 §3.1, §3.2: starts the flow of a device without a browser. The device gets a secret to poll with, of which
 * only the digest is stored, and a code that its user types elsewhere. The client authenticates as at the token
 * endpoint.
 */
export async function authorizeDevice(endpoint: DeviceEndpoint, presented: PresentedClient, ip: string) {
  const { db, access, clients, issuer, clock } = endpoint;
  const now = clock.now();
  const { form } = presented;
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const client = await caller.revalidate(null);
  if (!client.grantTypes.includes(DEVICE_GRANT)) throw oauthError('device_flow_not_allowed');
  const api = await findDefaultTarget(access, client, form);
  const { scope, isOffline, permissions } = await resolveRequestedAccess(db, client, api, form['scope']);
  await enforceRateLimit(endpoint, { kind: 'device', ip, client }, now);
  const deviceCode = newSecret();
  const device = {
    digest: digest(deviceCode),
    client: client.id,
    api: api?.id ?? null,
    scope,
    isOffline,
    permissions: permissions?.map((one) => one.id) ?? null,
    expiresAt: plusSeconds(now, DEVICE_SECONDS),
  };
  const userCode = formatUserCode(await addWithUserCode(db, device));
  const uri = verificationUri(issuer);
  return {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: uri,
    // RFC 8628 §3.3.1: for a QR code; the page fills the code in and still waits for its user.
    verification_uri_complete: `${uri}?user_code=${userCode}`,
    expires_in: DEVICE_SECONDS,
    interval: INTERVAL_SECONDS,
  };
}

async function addWithUserCode(db: Database, device: Omit<NewDevice, 'userCode'>): Promise<string> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const userCode = newUserCode();
    if (await addDevice(db, { ...device, userCode })) return userCode;
  }
  throw oauthError('user_codes_busy');
}
