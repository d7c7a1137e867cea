import type { SqlEntityManager } from '@mikro-orm/sql';
import { Failure } from '../../platform/errors.ts';
import type { Context } from '../command.ts';

/** Unique and foreign key violations, serialization failure, deadlock (PostgreSQL's appendix A). */
const LOST_A_RACE = ['23505', '23503', '40001', '40P01'];

/**
 * Carries out a change: all of it or nothing. `work` uses the unit of work that it is given and nothing else, since the embedded
 * database has one connection. What somebody else did at the same moment becomes a conflict.
 */
export async function changing<T>(context: Context, work: (tx: SqlEntityManager) => Promise<T>): Promise<T> {
  try {
    return await context.db.fork().transactional(work);
  } catch (error) {
    if (error instanceof Failure || !LOST_A_RACE.includes((error as { code?: string }).code ?? '')) throw error;
    throw new Failure('conflict', 'Somebody else changed the same at this moment. Nothing was done; run it again.');
  }
}
