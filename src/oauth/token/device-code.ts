import { digest } from '../../platform/digest.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { redemptionStatement } from '../../tokens/index.ts';
import { DEVICE_GRANT } from '../device/authorize-device.ts';
import { type DevicePoll, pollDevice } from '../device/device.ts';
import type { GrantType } from './grant-type.ts';
import { endReusedGrant, invalidCode, type RedeemDeps, redeemAuthorization } from './redeem-authorization.ts';

const redemption = redemptionStatement('oauth_device');

/**
 * The device code grant (RFC 8628 §3.4, §3.5). A device polls until its user has decided; then its code is redeemed as
 * an authorization code is. A code that is used a second time ends its grant.
 */
export function deviceCodeGrant(deps: RedeemDeps): GrantType {
  const { db } = deps;
  return {
    type: DEVICE_GRANT,
    needsConfidentialClient: false,
    async authorize(request) {
      const { client, form, now, requestState } = request;
      if (!form['device_code']) throw new OAuthError('invalid_request', 'device_code is missing.');
      const device = await pollDevice(db, digest(form['device_code']), client.id, now);
      if (!device) throw invalidCode();
      if (requestState.grant === undefined) {
        if (device.isConsumed && device.grant !== null) await endReusedGrant(db, request, device.grant, device.user);
        requireApproved(device);
      }
      const { approval } = device;
      if (!approval) throw invalidCode();
      const authorization = { ...approval, digest: device.digest, nonce: null, claims: null, redemption };
      const result = await redeemAuthorization(deps, request, authorization);
      if (!result) throw invalidCode();
      return result;
    },
  };
}

/** RFC 8628 §3.5. */
function requireApproved({ state, isConsumed, isExpired, isTooSoon }: DevicePoll): void {
  if (isConsumed) throw invalidCode();
  if (isExpired) throw new OAuthError('expired_token', 'This device code has expired. Begin anew.');
  if (state === 'denied') throw new OAuthError('access_denied', 'The user has refused.');
  if (state === 'approved') return;
  if (isTooSoon) throw new OAuthError('slow_down', 'Wait five seconds longer between two questions from now on.');
  throw new OAuthError('authorization_pending', 'The user has not decided yet.');
}
