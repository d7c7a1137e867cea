import { wholeNumber } from './readers.ts';
import { setting } from './setting.ts';

/** Rate limits per network, name and client. */
export const limits = {
  throttleName: setting(
    'SIGNET_THROTTLE_NAME',
    'Failed logins for one name from one network in 15 minutes',
    wholeNumber(3, 100_000),
    10,
  ),
  throttleNetwork: setting(
    'SIGNET_THROTTLE_NETWORK',
    'Failed logins from one network in 15 minutes',
    wholeNumber(10, 10_000_000),
    300,
  ),
  throttleAccount: setting(
    'SIGNET_THROTTLE_ACCOUNT',
    'Failed logins for one name from anywhere in an hour; networks with a login in the last 90 days are exempt',
    wholeNumber(10, 1_000_000),
    100,
  ),
  throttleAuthorize: setting(
    'SIGNET_THROTTLE_AUTHORIZE',
    'Authorization requests stored for one network in a minute, until their users have logged in; and as many that public clients push',
    wholeNumber(10, 10_000_000),
    600,
  ),
  throttleDevice: setting(
    'SIGNET_THROTTLE_DEVICE',
    'Device authorizations of public clients that one network starts in an hour',
    wholeNumber(10, 10_000_000),
    300,
  ),
  throttleClientPush: setting(
    'SIGNET_THROTTLE_CLIENT_PUSH',
    'Authorization requests that one confidential client pushes in a minute, from anywhere',
    wholeNumber(10, 10_000_000),
    1200,
  ),
  throttleClientDevice: setting(
    'SIGNET_THROTTLE_CLIENT_DEVICE',
    'Device authorizations that one confidential client starts in an hour, from anywhere',
    wholeNumber(10, 10_000_000),
    6000,
  ),
  throttleDocument: setting(
    'SIGNET_THROTTLE_METADATA',
    'Metadata documents of clients that are fetched for one network in a minute',
    wholeNumber(5, 10_000_000),
    30,
  ),
  throttleSignup: setting(
    'SIGNET_THROTTLE_SIGNUP',
    'Sign-ups from one network in an hour',
    wholeNumber(1, 10_000_000),
    20,
  ),
};
