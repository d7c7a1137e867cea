import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Api } from './entities.ts';

/** The algorithms that APIs ask for, each once. */
export async function algorithmsOfApis(em: SqlEntityManager): Promise<Api['alg'][]> {
  const rows = await em.execute<{ alg: Api['alg'] }[]>('select distinct alg from permissions_api order by alg');
  return rows.map((row) => row.alg);
}
