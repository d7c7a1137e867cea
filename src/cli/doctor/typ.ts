import type { SqlEntityManager } from '@mikro-orm/sql';
import { listApis } from '../../permissions/index.ts';
import { type Check, ok, warn } from './check.ts';

/** RFC 8725 §3.11, RFC 9068 §4. */
export const AUDIENCE_ONLY =
  'Tokens of typ JWT look like ID tokens: the audience is the only guard between the two. Make sure that the API checks aud, and use --typ at+jwt as soon as its library takes that.';

/** APIs whose tokens can be told from ID tokens by their audience alone. */
export async function checkTyp(em: SqlEntityManager): Promise<Check> {
  const name = 'token typ';
  const audiences = (await listApis(em))
    .filter((api) => api.typ === 'JWT' && api.tokenKind === 'jwt')
    .map((api) => api.audience);
  if (audiences.length === 0) return ok(name, 'Access tokens have a typ of their own at every API.');
  return warn(name, `Access tokens are of typ JWT at ${audiences.join(', ')}.`, AUDIENCE_ONLY);
}
