import type { SqlEntityManager } from '@mikro-orm/sql';
import { PlatformState } from '../../platform/database/index.ts';
import { ImportedRecord } from '../index.ts';

/** Where an API remembers the user model of its imports. */
export function userModelStateName(audience: string): string {
  return `import.user-model:${audience}`;
}

/** How many records were imported for an API. */
export function countImportedRecords(em: SqlEntityManager, audience: string): Promise<number> {
  return em.count(ImportedRecord, { source: audience });
}

/**
 * Forgets what was imported for an API, in the transaction that deletes it; the users and groups themselves stay. With it goes
 * the memory of users who were deleted since: an import into a new API of that name brings them as new ones.
 */
export async function deleteSource(tx: SqlEntityManager, audience: string): Promise<void> {
  await tx.nativeDelete(ImportedRecord, { source: audience });
  await tx.nativeDelete(PlatformState, { name: userModelStateName(audience) });
}
