import { digest } from '../../platform/digest.ts';
import { redemptionStatement } from '../../tokens/index.ts';
import { DEVICE_GRANT } from '../device/authorize-device.ts';
import { type DevicePoll, pollDevice } from '../device/device.ts';
import { oauthError } from '../errors.ts';
import type { GrantType } from './grant-type.ts';
import { endReusedGrant, type RedeemDeps, redeemAuthorization } from './redeem-authorization.ts';

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
      if (!form['device_code']) throw oauthError('parameter_missing', { name: 'device_code' });
      const device = await pollDevice(db, digest(form['device_code']), client.id, now);
      if (!device) throw oauthError('code_invalid');
      if (requestState.grant === undefined) {
        if (device.isConsumed && device.grant !== null) await endReusedGrant(db, request, device.grant, device.user);
        requireApproved(device);
      }
      const { approval } = device;
      if (!approval) throw oauthError('code_invalid');
      const authorization = { ...approval, digest: device.digest, nonce: null, claims: null, redemption };
      const result = await redeemAuthorization(deps, request, authorization);
      if (!result) throw oauthError('code_invalid');
      return result;
    },
  };
}

/** RFC 8628 §3.5. */
function requireApproved({ state, isConsumed, isExpired, isTooSoon }: DevicePoll): void {
  if (isConsumed) throw oauthError('code_invalid');
  if (isExpired) throw oauthError('device_code_expired');
  if (state === 'denied') throw oauthError('user_denied');
  if (state === 'approved') return;
  if (isTooSoon) throw oauthError('poll_too_soon');
  throw oauthError('decision_pending');
}
