import { readPassword } from '../../passwords/index.ts';
import { Failure } from '../../platform/errors.ts';
import { fieldText, message } from '../../ui/messages.ts';
import type { FieldError, User } from '../../users/index.ts';
import { instant } from './text.ts';

/** A user for `--json`. */
export function wireUser(user: User) {
  return {
    id: user.id,
    username: user.username,
    email: user.email,
    email_verified: user.emailVerifiedAt !== null && user.emailVerifiedAt !== undefined,
    first_name: user.firstName,
    last_name: user.lastName,
    is_active: user.isActive,
    is_staff: user.isStaff,
    is_superuser: user.isSuperuser,
    date_joined: instant(user.dateJoined),
    last_login: instant(user.lastLogin),
  };
}

/** Summarises a stored password as Django's admin does: the algorithm, its cost and the first characters, never the hash. */
export function passwordSummary(encoded: string): Record<string, string> {
  const parsed = readPassword(encoded);
  if (!parsed) return { algorithm: 'unreadable' };
  const summary = parsed.summary();
  const { overBounds } = parsed;
  if (overBounds === null) return summary;
  return { ...summary, refused: message('password_hash.over_bound', { ...overBounds }) };
}

/** Converts field errors to a failure: a taken name is a conflict, any other error is usage. */
export function fieldFailure(errors: readonly FieldError[]): Failure {
  const kind = errors.some((one) => one.code === 'unique') ? 'conflict' : 'usage';
  const details = errors.map((one) => ({ field: one.pointer.slice(1), code: one.code, detail: fieldText(one) }));
  return new Failure(kind, details.map((one) => one.detail).join(' '), { errors: details });
}
