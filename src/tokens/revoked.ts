import type { Database, Statement } from '../platform/database/index.ts';
import type { AccessTokenClaims } from './claims.ts';

const add: Statement = {
  name: 'tokens-revoke',
  text: 'insert into tokens_revoked (jti, expires_at) values ($1, to_timestamp($2::float8)) on conflict (jti) do nothing',
};

/** Makes one access token dead until it would have expired anyway (RFC 7009 §2). */
export async function revokeToken(db: Database, claims: Pick<AccessTokenClaims, 'jti' | 'exp'>): Promise<void> {
  await db.query(add, [claims.jti, claims.exp]);
}
