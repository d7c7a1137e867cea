/**
 * signin: authentication of users.
 * Owns: the authentication backends, the verification of a login, the throttle, the setup link, changes of a user's own password.
 * Does not own: the session that a login creates (sessions), password hashes (passwords), pages and endpoints (web, api).
 * Neighbours: sessions, users and passwords below; oauth, api and web above.
 * Standards: NIST SP 800-63B-4, OWASP ASVS 5 V6 and V7; Django's AUTHENTICATION_BACKENDS.
 */
export { ACR_VALUES, type FlowOrigin, isSufficient, readAcr, type SignInRequirement } from './assurance.ts';
export { type Attempt, type Authentication, authenticate, type Outcome, refusalDeadline } from './authenticate.ts';
export {
  type AuthenticatedUser,
  type Backend,
  type BackendResult,
  type Credentials,
  passwordBackend,
} from './backends.ts';
export {
  changeOwnPassword,
  checkNewUser,
  checkPassword,
  type PasswordChange,
  setPassword,
} from './change-password.ts';
export { OneTimeToken, SignInFlow, Throttle } from './entities.ts';
export { type ClientInfo, type LoggedIn, logIn, logOut } from './login.ts';
export type { SignInMethod } from './methods.ts';
export { eraseSignIns, purgeExpired } from './purge.ts';
export { deriveFormKey, formDigest } from './repeat.ts';
export {
  createAdministrator,
  createSetupSecret,
  type DeriveSecret,
  findSuperuser,
  hasSuperuser,
  isSetupOpen,
  readSetupSecret,
} from './setup.ts';
export { continueSignIn, type FlowInput, type SignInAttempt, type SignInResult, signIn } from './sign-in.ts';
export { type SignUpResult, signUp } from './sign-up.ts';
export { clientSite } from './throttle/network.ts';
export { type QuotaKind, type Quotas, reserveQuota } from './throttle/quotas.ts';
export { reserveAttempt, type ThrottleLimits } from './throttle/throttle.ts';
