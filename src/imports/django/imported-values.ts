import { createHash } from 'node:crypto';
import { normalizeName } from '../../platform/casefold.ts';
import { canonical } from './digest.ts';
import type { DjangoGroup, DjangoUser } from './reader/records.ts';

/** The fields of a user that are compared by digest: what they say of a person is kept in no second place. */
export const TEXT_FIELDS = ['username', 'email', 'firstName', 'lastName', 'attributes', 'password'] as const;
export type TextField = (typeof TEXT_FIELDS)[number];
export const FLAGS = ['isStaff', 'isSuperuser'] as const;

/** A user as it was imported last. */
export interface ImportedUser {
  /** Digests of the source's values. */
  readonly source: Record<TextField, string>;
  /** Digests of what was stored here. */
  readonly local: Record<TextField, string>;
  /** Of the password here: it grows with every change, and with no upgrade of a hash. */
  readonly epoch: number;
  readonly isActive: boolean;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  /** Where the two flags were put. */
  readonly flagScope: 'api' | 'global';
  /** Ids of groups here. */
  readonly groups: readonly string[];
  /** Names. */
  readonly permissions: readonly string[];
}

export interface ImportedGroup {
  readonly source: string;
  readonly local: string;
  readonly permissions: readonly string[];
}

/** 96 bits: it tells a change, and nobody gains by a collision. */
export function shortDigest(value: unknown): string {
  return createHash('sha256').update(canonical(value), 'utf8').digest('base64url').slice(0, 16);
}

/** What the source says. */
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

/** What is stored here for what the source says, but for the password, which may have been made unusable. */
export function localValues(one: DjangoUser, password: string): Record<TextField, string> {
  const { email, firstName, lastName, attributes } = one;
  return digests({ username: normalizeName(one.username), email, firstName, lastName, attributes, password });
}

export function importedGroup(one: DjangoGroup, permissions: readonly string[]): ImportedGroup {
  return { source: shortDigest(one.sourceName), local: shortDigest(normalizeName(one.name)), permissions };
}
