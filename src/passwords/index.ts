/**
 * passwords: hashing and validation of passwords.
 * Owns: the hashers and their bounds, the bounded hash pool, the validators, the format of stored passwords.
 * Does not own: the users of passwords (users), nor the sign-in (signin).
 * Neighbours: users above.
 * Standards: Django's PASSWORD_HASHERS and AUTH_PASSWORD_VALIDATORS; RFC 9106; NIST SP 800-63B-4; OWASP ASVS 5 V6.
 */
export { createPasswords, type Passwords, type Verification } from './checker.ts';
export { isPasswordSized } from './code-points.ts';
export { type HashSpeed, hashBudget, measureHashSpeed } from './hash-budget.ts';
export { ARGON2_ENGINE } from './hashers/argon2-engine.ts';
export type { OverBound } from './hashers/hasher.ts';
export { isUsable, makeUnusable, readPassword } from './passwords.ts';
export { createHashPool, type HashPool } from './pool.ts';
export { type PasswordCodes, type PasswordRules, validatePassword } from './validators.ts';
