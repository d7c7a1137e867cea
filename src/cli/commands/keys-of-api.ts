import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Api } from '../../permissions/index.ts';
import { ensureCurrentKey, hasCurrentKey } from '../../tokens/index.ts';
import type { Context } from '../command.ts';

/**
 * An algorithm's first key is there in the moment in which the first API asks for it; only then the master key is needed. The
 * default algorithm has its key from the first start on.
 */
export async function ensureApiKey(context: Context, tx: SqlEntityManager, { alg }: Pick<Api, 'alg'>): Promise<void> {
  if (alg === 'RS256' || (await hasCurrentKey(tx, alg))) return;
  await ensureCurrentKey(tx, context.audit(), context.masterKey(), alg);
}
