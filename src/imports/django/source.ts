import type { SqlEntityManager } from '@mikro-orm/sql';
import { PlatformState } from '../../platform/database/index.ts';
import { ImportedRecord } from '../index.ts';

/** The name under which the user model of an API's imports is stored. */
export function userModelStateName(audience: string): string {
  return `import.user-model:${audience}`;
}

/** Returns the number of records imported for an API. */
export function countImportedRecords(em: SqlEntityManager, audience: string): Promise<number> {
  return em.count(ImportedRecord, { source: audience });
}

/**
 * Deletes the import records of an API, in the transaction that deletes the API. Users and groups stay. The tombstones of
 * deleted users are deleted too: an import into a new API of that name creates those users again.
 */
export async function deleteSource(tx: SqlEntityManager, audience: string): Promise<void> {
  await tx.nativeDelete(ImportedRecord, { source: audience });
  await tx.nativeDelete(PlatformState, { name: userModelStateName(audience) });
}
