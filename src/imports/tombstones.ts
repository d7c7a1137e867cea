import { createHash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { casefoldName } from '../platform/casefold.ts';
import type { User } from '../users/index.ts';
import { ImportedRecord } from './entities.ts';

/**
 * Returns the keys by which an import finds a deleted user by name. They contain a digest, because the name itself is erased. `alone` is for
 * users without a primary key in the source. `besideKey` is for users with one: only a dump without primary keys may use it,
 * because in another dump the same name under another key is another user.
 */
export function tombstoneKeys(source: string, username: string): { alone: string; besideKey: string } {
  const digest = createHash('sha256')
    .update(`${source}\0${casefoldName(username)}`)
    .digest('base64url');
  return { alone: `deleted-name:${digest}`, besideKey: `deleted:${digest}` };
}

/** Django's natural keys are lists; that of a user contains the name. */
export function isNaturalKey(key: string): boolean {
  return key.startsWith('[');
}

const NO_DIGEST = Buffer.alloc(32);

/**
 * Erases a user's data in import records, but keeps the records: a later run of the same dump must find a deleted user, not a new one.
 * The digest of the record is erased too: it covers names and addresses, and could confirm a guess of them.
 */
export async function eraseImports(tx: SqlEntityManager, user: Pick<User, 'id' | 'username'>): Promise<void> {
  await addTombstoneKeys(tx, user);
  const ofUser = { kind: 'user', localId: user.id } as const;
  await tx.nativeDelete(ImportedRecord, { ...ofUser, sourcePk: { $like: '[%' } });
  await tx.nativeUpdate(ImportedRecord, ofUser, { importedDigest: NO_DIGEST, imported: null });
}

/**
 * Adds tombstone keys, by which imports find a user under the source's name in dumps with either kind of keys. Runs before the user is renamed
 * or deleted. Each source gets one key: later names of a renamed user are unknown to it.
 */
export async function addTombstoneKeys(tx: SqlEntityManager, user: Pick<User, 'id' | 'username'>): Promise<void> {
  const records = await tx.find(ImportedRecord, { kind: 'user', localId: user.id });
  for (const source of new Set(records.map((one) => one.source))) {
    const ofSource = records.filter((one) => one.source === source).map((one) => one.sourcePk);
    if (ofSource.some(isTombstoneKey)) continue;
    const keys = tombstoneKeys(source, user.username);
    const hasKey = ofSource.some((one) => !isNaturalKey(one));
    // On conflict an earlier deleted user of this name keeps the key.
    await tx.execute(
      `insert into imports_record (source, kind, source_pk, local_id, imported_digest, imported)
       select source, kind, ?, local_id, imported_digest, imported from imports_record
       where source = ? and kind = 'user' and source_pk = ? on conflict do nothing`,
      [hasKey ? keys.besideKey : keys.alone, source, ofSource[0]],
    );
  }
}

/** Returns whether a key is one of `tombstoneKeys`; keys of sources are JSON. */
function isTombstoneKey(key: string): boolean {
  return key.startsWith('deleted');
}
