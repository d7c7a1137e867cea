/**
 * identity: who one is.
 * Owns: users, passwords (hashers, pool, validators), authentication backends, the throttle, sessions, one-use links.
 * Does not own: what a user may do (access), nor what a token says of one (tokens).
 * Neighbours: access below, tokens above; identity/import brings users from elsewhere.
 * Standards: NIST SP 800-63B-4, OWASP ASVS 5 V6 and V7; Django's User, hashers and validators.
 */
export { type Attempt, type Authentication, authenticate, type Outcome, releaseAt } from './authenticate.ts';
export {
  type Authenticated,
  type Backend,
  type BackendAnswer,
  type Credentials,
  passwordBackend,
} from './backends.ts';
export { changeOwnPassword, checkNewUser, checkPassword, setPassword } from './change-password.ts';
export { type DeletedUser, deleteUser } from './delete-user.ts';
export { ImportedRecord, Link, Session, Throttle, User } from './entities.ts';
export { checkUser, type FieldError } from './fields.ts';
export { findUser, getUser, holdUser, listUsers, type UserRef, usersWithReservedNames } from './find-users.ts';
export { forgottenKeys, isNaturalKey } from './forgotten.ts';
export { importedNameProblem } from './imported-name.ts';
export { type Browser, type LoggedIn, logIn, logOut } from './login.ts';
export { usernamesOf } from './names.ts';
export { createPasswords, type Passwords, type Verification } from './passwords/checker.ts';
export { type HashSpeed, hashBudget, measureHashSpeed } from './passwords/hash-budget.ts';
export { ARGON2_ENGINE } from './passwords/hashers/argon2-engine.ts';
export { isUsable, makeUnusable, readPassword } from './passwords/passwords.ts';
export { createHashPool, type HashPool } from './passwords/pool.ts';
export { purgeExpired } from './purge.ts';
export { renameUser } from './rename-user.ts';
export { reservedName } from './reserved-names.ts';
export { type EndedSessions, type EndReason, endSessions, type SessionsEnded, type Successor } from './sessions/end.ts';
export { endSessionsByOperator } from './sessions/end-by-operator.ts';
export {
  findActiveUser,
  findSession,
  findSourceId,
  isSessionLive,
  type LiveSession,
  type SessionUser,
} from './sessions/hot.ts';
export { listSessions, type SessionLife } from './sessions/open.ts';
export { formDigest, formKeyOf, REPEAT_SECONDS, repeatSignIn } from './sessions/repeat.ts';
export {
  createSetupSecret,
  type DeriveSecret,
  findSuperuser,
  hasSuperuser,
  isSetupOpen,
  redeemSetup,
  showSetupSecret,
} from './setup.ts';
export { siteOf } from './throttle/network.ts';
export { type QuotaKind, type Quotas, reserveQuota } from './throttle/quotas.ts';
export { reserveAttempt, type ThrottleLimits } from './throttle/throttle.ts';
export { createUser, holderOf, type NewUser, type UserChange, updateUser } from './users.ts';
export { type UserWithPerm, usersWithPerm, type WithPerm } from './with-perm.ts';
