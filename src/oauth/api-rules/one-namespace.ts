import type { SqlEntityManager } from '@mikro-orm/sql';
import { audienceKey } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';

/*
 * Audiences and the ids of clients share one namespace, so that a token for an API can never be taken for one of a client. Ids that are
 * made here cannot be audiences; the address of a metadata document could be one.
 */

/** Port of `access`: an API is to have this audience. Failure (conflict): a client has that id. */
export async function requireNoClientNamed(em: SqlEntityManager, audience: string): Promise<void> {
  const key = audienceKey(audience);
  await lockName(em, key);
  const [found] = await em.execute<{ name: string }[]>('select name from oauth_client where client_id in (?, ?)', [
    key,
    `${key}/`,
  ]);
  if (found)
    throw new Failure(
      'conflict',
      `"${audience}" is the id of the client "${found.name}", which is known by its document there. Take another audience, or delete the client: npx signet client delete ${audience}`,
    );
}

/** In the transaction that writes a client of a document. Failure (conflict): an API has that audience. */
export async function requireNoApiNamed(tx: SqlEntityManager, clientId: string): Promise<void> {
  const key = audienceKey(clientId);
  await lockName(tx, key);
  const found = await tx.execute<unknown[]>('select 1 from permissions_api where audience_key = ?', [key]);
  if (found.length > 0) throw new Failure('conflict', `"${clientId}" is the audience of an API.`);
}

/** Of two that take one name at once the second sees the first. */
async function lockName(tx: SqlEntityManager, key: string): Promise<void> {
  await tx.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`signet name ${key}`]);
}
