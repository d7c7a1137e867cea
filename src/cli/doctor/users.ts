import type { Passwords } from '../../passwords/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { usersWithReservedNames } from '../../users/index.ts';
import { type Check, ok, warn } from './check.ts';

const SHOWN = 5;

/** Users whose name could be taken for the id of another (docs/users.md). */
export async function checkNames(db: Database): Promise<Check> {
  const found = await usersWithReservedNames(db.fork(), SHOWN + 1);
  if (found.length === 0) return ok('names', 'No username looks like an id.');
  const shown = found.slice(0, SHOWN).map((one) => `${one.username} (id ${one.id})`);
  const said = `Usernames that could be taken for ids: ${shown.join(', ')}${found.length > SHOWN ? ', and more' : ''}.`;
  return warn('names', said, 'Rename them: npx signet user rename --user-id ID NEW');
}

/** Of every family but Signet's own: what was imported, and not upgraded by a login yet. */
const imported: Statement = {
  name: 'doctor-imported-passwords',
  text: `select password from users_user where deleted_at is null and password not like 'argon2id\\_nfkc$%' and password not like '!%' limit $1`,
};
const MOST = 100_000;

/** Imported passwords that take longer to verify on this machine than refusals are delayed: nobody can log in by one. */
export async function checkSlowPasswords(db: Database, passwords: Passwords): Promise<Check> {
  const rows = await db.query<{ password: string }>(imported, [MOST]);
  const slow = rows.map((one) => passwords.tooSlow?.(one.password) ?? null).filter((one) => one !== null);
  const name = 'passwords';
  if (slow.length === 0) return ok(name, 'Every imported one is verified before a refusal is answered.');
  const longest = (slow.reduce((most, one) => Math.max(most, one), 0) / 1000).toFixed(1);
  return warn(
    name,
    `${slow.length} imported ${slow.length === 1 ? 'password takes' : 'passwords take'} up to ${longest} s to verify here, longer than a refusal is delayed: their users cannot log in.`,
    `Let them reset it, or raise SIGNET_REFUSAL_MS above that, up to 10000.`,
  );
}
