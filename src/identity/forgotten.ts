import { createHash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { foldName } from '../platform/fold.ts';
import { ImportedRecord, type User } from './entities.ts';

/**
 * The keys under which an import finds a deleted user by name, when the dump's own key does not. The name itself is erased, so
 * they hold a digest of it. `alone`: nothing else recalls that user. `besideKey`: a primary key does, and so only a dump
 * without primary keys may look here, because in any other the same name under another key is somebody else.
 */
export function forgottenKeys(source: string, username: string): { alone: string; besideKey: string } {
  const digest = createHash('sha256')
    .update(`${source}\0${foldName(username)}`)
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
 * The digest of the record goes too: it was made over names and addresses, and would confirm a guess of them.
 */
export async function forgetImports(tx: SqlEntityManager, user: Pick<User, 'id' | 'username'>): Promise<void> {
  const mine = { kind: 'user', localId: user.id } as const;
  const records = await tx.find(ImportedRecord, mine);
  if (records.length === 0) return;
  const natural = records.map((one) => one.sourcePk).filter(isNaturalKey);
  await tx.nativeDelete(ImportedRecord, { ...mine, sourcePk: { $in: natural } });
  await tx.nativeUpdate(ImportedRecord, mine, { importedDigest: NO_DIGEST, imported: null });
  for (const source of new Set(records.map((one) => one.source))) {
    const keys = forgottenKeys(source, user.username);
    const hasKey = records.some((one) => one.source === source && !isNaturalKey(one.sourcePk));
    // Somebody of this name may have been deleted before: then that one is recalled.
    await tx.execute(
      `insert into identity_import (source, kind, source_pk, local_id, imported_digest) values (?, 'user', ?, ?, ?) on conflict do nothing`,
      [source, hasKey ? keys.besideKey : keys.alone, user.id, NO_DIGEST],
    );
  }
}
