import type { Database } from '../../platform/database/index.ts';
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
