import type { SqlEntityManager } from '@mikro-orm/sql';
import { FamiliarNetwork, OneTimeToken } from './entities.ts';

/** Deletes what is kept of a user's sign-ins: the networks they came from, and one-time links. */
export async function eraseSignIns(tx: SqlEntityManager, userId: string): Promise<void> {
  await tx.nativeDelete(FamiliarNetwork, { user: userId });
  await tx.nativeDelete(OneTimeToken, { user: userId });
}
