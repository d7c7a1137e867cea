import { createHash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { casefoldName } from '../platform/casefold.ts';
import type { User } from '../users/index.ts';
import { ImportedRecord } from './entities.ts';

/**
 * The keys under which an import finds a deleted user by name, when the dump's own key does not. The name itself is erased, so
 * they hold a digest of it. `alone`: nothing else recalls that user. `besideKey`: a primary key does, and so only a dump
 * without primary keys may look here, because in any other the same name under another key is somebody else.
 */
export function tombstoneKeys(source: string, username: string): { alone: string; besideKey: string } {
  const digest = createHash('sha256')
    .update(`${source}\0${casefoldName(username)}`)
    .digest('base64url');
  return { alone: `deleted-name:${digest}`, besideKey: `deleted:${digest}` };
}

/** Django's natural keys are lists: a user's holds the name. */
export function isNaturalKey(key: string): boolean {
  return key.startsWith('[');
}

const NO_DIGEST = Buffer.alloc(32);

/**
 * Erases what imports remember of a user but that there was one: a later run of the same dump shall find it deleted, not new.
 * The digest of the record goes too: it was made over names and addresses, and would confirm a peek of them.
 */
export async function eraseImports(tx: SqlEntityManager, user: Pick<User, 'id' | 'username'>): Promise<void> {
  await addTombstoneKeys(tx, user);
  const mine = { kind: 'user', localId: user.id } as const;
  await tx.nativeDelete(ImportedRecord, { ...mine, sourcePk: { $like: '[%' } });
  await tx.nativeUpdate(ImportedRecord, mine, { importedDigest: NO_DIGEST, imported: null });
}

/**
 * Lets imports find a user by the name that the source has for it, in a dump of the other kind of keys too: before the user is called otherwise,
 * or nothing any more. Once for each source: what a renamed user is called later, that source has never said.
 */
export async function addTombstoneKeys(tx: SqlEntityManager, user: Pick<User, 'id' | 'username'>): Promise<void> {
  const records = await tx.find(ImportedRecord, { kind: 'user', localId: user.id });
  for (const source of new Set(records.map((one) => one.source))) {
    const ofSource = records.filter((one) => one.source === source).map((one) => one.sourcePk);
    if (ofSource.some(isTombstoneKey)) continue;
    const keys = tombstoneKeys(source, user.username);
    const hasKey = ofSource.some((one) => !isNaturalKey(one));
    // Somebody of this name may have been deleted before: then that one is recalled.
    await tx.execute(
      `insert into imports_record (source, kind, source_pk, local_id, imported_digest, imported)
       select source, kind, ?, local_id, imported_digest, imported from imports_record
       where source = ? and kind = 'user' and source_pk = ? on conflict do nothing`,
      [hasKey ? keys.besideKey : keys.alone, source, ofSource[0]],
    );
  }
}

/** A key of `tombstoneKeys`; a source's own are JSON. */
function isTombstoneKey(key: string): boolean {
  return key.startsWith('deleted');
}
