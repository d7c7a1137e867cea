import type { Passwords } from '../../passwords/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { readImportedPasswords, usersWithReservedNames } from '../../users/index.ts';
import { type Check, ok, warn } from './check.ts';

const MAX_LISTED = 5;

/** Finds users whose name could be mistaken for the id of another (docs/users.md). */
export async function checkUsernames(db: Database): Promise<Check> {
  const users = await usersWithReservedNames(db.fork(), MAX_LISTED + 1);
  if (users.length === 0) return ok('names', 'No username looks like an id.');
  const listed = users.slice(0, MAX_LISTED).map((one) => `${one.username} (id ${one.id})`);
  const message = `Some usernames look like ids: ${listed.join(', ')}${users.length > MAX_LISTED ? ', and more' : ''}.`;
  return warn('names', message, 'Rename them: npx signet user rename --user-id ID NEW');
}

const MAX_PASSWORDS = 100_000;

/** Finds imported passwords that take longer to verify here than refusals are delayed: they cannot be used to log in. */
export async function checkSlowPasswords(db: Database, passwords: Passwords): Promise<Check> {
  const imported = await readImportedPasswords(db, MAX_PASSWORDS);
  const slow = imported.map((one) => passwords.tooSlow?.(one) ?? null).filter((one) => one !== null);
  const name = 'passwords';
  if (slow.length === 0) return ok(name, 'Every imported password can be verified in time.');
  const slowestSeconds = (slow.reduce((maximum, one) => Math.max(maximum, one), 0) / 1000).toFixed(1);
  return warn(
    name,
    `${slow.length} imported ${slow.length === 1 ? 'password takes' : 'passwords take'} up to ${slowestSeconds} s to verify here, longer than SIGNET_REFUSAL_MS: these users cannot log in.`,
    'Let them reset the password, or raise SIGNET_REFUSAL_MS above that time, up to 10000.',
  );
}
