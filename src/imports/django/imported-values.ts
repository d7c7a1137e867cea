import { createHash } from 'node:crypto';
import { makeUnusable, readPassword } from '../../passwords/index.ts';
import { normalizeName } from '../../platform/casefold.ts';
import { canonical } from './digest.ts';
import { type Note, note } from './notes.ts';
import type { DjangoGroup, DjangoUser } from './reader/records.ts';

/** The fields of a user that are compared by digest, so that personal data is not stored twice. */
export const TEXT_FIELDS = ['username', 'email', 'firstName', 'lastName', 'attributes', 'password'] as const;
export type TextField = (typeof TEXT_FIELDS)[number];
export const FLAGS = ['isStaff', 'isSuperuser'] as const;

/** The values of a user at the last import. */
export interface ImportedUser {
  /** Digests of the source's values. */
  readonly source: Record<TextField, string>;
  /** Digests of the stored values. */
  readonly local: Record<TextField, string>;
  /** The password epoch, which grows with every change of the password but not with an upgrade of its hash. */
  readonly epoch: number;
  readonly isActive: boolean;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  /** The scope in which the two flags were set. */
  readonly flagScope: 'api' | 'global';
  /** Local ids. */
  readonly groups: readonly string[];
  /** Names. */
  readonly permissions: readonly string[];
}

export interface ImportedGroup {
  readonly source: string;
  readonly local: string;
  readonly permissions: readonly string[];
}

/** Returns a digest of 96 bits, which detects changes. A collision has no advantage for an attacker. */
export function shortDigest(value: unknown): string {
  return createHash('sha256').update(canonical(value), 'utf8').digest('base64url').slice(0, 16);
}

/** Returns digests of the source's values. */
export function sourceValues(one: DjangoUser): Record<TextField, string> {
  const { sourceName: username, email, firstName, lastName, attributes, password } = one;
  return digests({ username, email, firstName, lastName, attributes, password });
}

export function digests(values: Record<TextField, unknown>): Record<TextField, string> {
  return Object.fromEntries(TEXT_FIELDS.map((field) => [field, shortDigest(values[field])])) as Record<
    TextField,
    string
  >;
}

/** Returns digests of the values that are stored for a record. `password` is the stored hash, which may be unusable. */
export function localValues(one: DjangoUser, password: string): Record<TextField, string> {
  const { email, firstName, lastName, attributes } = one;
  return digests({ username: normalizeName(one.username), email, firstName, lastName, attributes, password });
}

export function importedGroup(one: DjangoGroup, permissions: readonly string[]): ImportedGroup {
  return { source: shortDigest(one.sourceName), local: shortDigest(normalizeName(one.name)), permissions };
}

export interface ImportedPassword {
  /** The stored password: the original hash, or an unusable one. */
  readonly encoded: string;
  readonly algorithm: string;
  /** Why it is unusable; null if the hash was kept. */
  readonly problem: Note | null;
}

/** Keeps a password hash, unless it cannot be verified or its verification is too expensive. */
export function importPassword(stored: string | null): ImportedPassword {
  const unusable = (problem: Note, algorithm = 'none') => ({ encoded: makeUnusable(), algorithm, problem });
  if (stored === null) return unusable(note('password_missing'));
  if (stored === '') return unusable(note('password_empty'));
  const parsed = readPassword(stored);
  if (parsed === null) return unusable(note('password_unreadable'));
  const { algorithm, overBounds } = parsed;
  if (overBounds !== null) return unusable(note('password_over_bounds', overBounds), algorithm);
  return { encoded: stored, algorithm, problem: null };
}
