/**
 * signin: how a user proves who they are.
 * Owns: the authentication backends, the one verification of a login, the throttle, the setup link, passwords changed by their owner.
 * Does not own: the session that a login opens (sessions), how a password is hashed (passwords), what is shown meanwhile (web, api).
 * Neighbours: sessions, users and passwords below; oauth, api and web above.
 * Standards: NIST SP 800-63B-4, OWASP ASVS 5 V6 and V7; Django's AUTHENTICATION_BACKENDS.
 */
export { type Attempt, type Authentication, authenticate, type Outcome, refusalDeadline } from './authenticate.ts';
export {
  type AuthenticatedUser,
  type Backend,
  type BackendResult,
  type Credentials,
  passwordBackend,
} from './backends.ts';
export { changeOwnPassword, checkNewUser, checkPassword, setPassword } from './change-password.ts';
export { OneTimeToken, Throttle } from './entities.ts';
export { eraseSignIns } from './forget-user.ts';
export { type ClientInfo, type LoggedIn, logIn, logOut } from './login.ts';
export { purgeExpired } from './purge.ts';
export { deriveFormKey, formDigest, REPEAT_SECONDS, repeatSignIn } from './repeat.ts';
export {
  createSetupSecret,
  type DeriveSecret,
  findSuperuser,
  hasSuperuser,
  isSetupOpen,
  readSetupSecret,
  redeemSetup,
} from './setup.ts';
export { clientSite } from './throttle/network.ts';
export { type QuotaKind, type Quotas, reserveQuota } from './throttle/quotas.ts';
export { reserveAttempt, type ThrottleLimits } from './throttle/throttle.ts';
