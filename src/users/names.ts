import type { SqlEntityManager } from '@mikro-orm/sql';
import { User } from './entities.ts';

/** Ids in one statement: far below what the protocol takes. */
const BATCH = 1000;

/** The usernames of these ids, in the order of the names; an id that is no user's, or a deleted one's, is left out. */
export async function readUsernames(em: SqlEntityManager, ids: readonly string[]): Promise<Map<string, string>> {
  const found: { id: string; username: string; usernameKey: string }[] = [];
  for (let from = 0; from < ids.length; from += BATCH) {
    const batch = ids.slice(from, from + BATCH);
    found.push(
      ...(await em.find(User, { id: { $in: batch }, deletedAt: null }, { fields: ['id', 'username', 'usernameKey'] })),
    );
  }
  found.sort((a, b) => (a.usernameKey < b.usernameKey ? -1 : 1));
  return new Map(found.map((one) => [one.id, one.username]));
}
