import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Alg } from '../../tokens/index.ts';

/** The algorithms that clients ask for beside the standard one, each once: of ID tokens, and of signed userinfo. */
export async function algorithmsOfClients(em: SqlEntityManager): Promise<Alg[]> {
  const rows = await em.execute<{ alg: Alg }[]>(
    `select alg from (
       select settings ->> 'idTokenAlg' as alg from oauth_client union select settings ->> 'userinfoAlg' from oauth_client
     ) asked where alg is not null order by alg`,
  );
  return rows.map((row) => row.alg);
}
