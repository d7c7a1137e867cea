import type { Database, Statement } from '../platform/database/index.ts';
import { digest } from '../platform/digest.ts';

/** Characters. Only the digest is stored, but no longer text is digested either. */
const LONGEST = 1024;

const redeem: Statement = {
  name: 'oauth-replay',
  text: `insert into oauth_replay (digest, expires_at) values ($1, $2::timestamptz)
    on conflict (digest) do nothing returning 1 as one`,
};

/**
 * True for the first who says this, in whichever process. `what` begins with the kind of thing that it is, so that no two kinds meet;
 * `until`: from then on it is refused for its age anyway, and forgotten here.
 */
export async function once(db: Database, what: string, until: Date): Promise<boolean> {
  if (what.length > LONGEST) return false;
  return (await db.query(redeem, [digest(what), until])).length === 1;
}
