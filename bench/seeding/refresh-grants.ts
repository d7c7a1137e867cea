import { getClient } from '../../src/oauth/index.ts';
import { getApi } from '../../src/permissions/index.ts';
import { readConfig, readMasterKey } from '../../src/platform/config/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { model } from '../../src/server/model.ts';
import { deriveRefreshKey, openGrant } from '../../src/tokens/index.ts';
import { getUser, type User } from '../../src/users/index.ts';
import { query } from '../postgresql.ts';
import type { Installation } from '../servers/signet.ts';

/** A family of refresh tokens, and its first. */
export interface Family {
  readonly id: string;
  readonly token: string;
}

/** As `signet token issue --refresh` opens them, one for each name. */
export async function openFamilies(
  installation: Installation,
  clientId: string,
  audience: string,
  usernames: readonly string[],
): Promise<Family[]> {
  const config = readConfig('production', installation.env);
  const masterKey = readMasterKey(config);
  if (!masterKey) throw new Error(`There is no master key in ${config.keysDir}.`);
  const life = { idleSeconds: config.refreshIdleSeconds, absoluteSeconds: config.refreshAbsoluteSeconds };
  const db = await openPostgresql(installation.databaseUrl, 1, model);
  try {
    return await db.fork().transactional(async (tx) => {
      const client = await getClient(tx, clientId);
      const api = await getApi(tx, audience);
      const users = new Map<string, User>();
      const families: Family[] = [];
      for (const username of usernames) {
        const user = users.get(username) ?? (await getUser(tx, username));
        users.set(username, user);
        const given = { user, client: client.id, api: api.id, scope: null, session: null };
        const { grant, token } = openGrant(tx, deriveRefreshKey(masterKey), given, life, new Date());
        families.push({ id: grant.id, token });
      }
      return families;
    });
  } finally {
    await db.close();
  }
}

/** How often these families were rotated: a token that was only answered again counts nothing. */
export async function rotationsOf(databaseUrl: string, families: readonly Family[]): Promise<number> {
  const ids = families.map((one) => one.id);
  const text = 'select sum(generation)::float8 as n from tokens_grant where id = any($1::uuid[]) and ended_at is null';
  const [row] = await query(databaseUrl, text, [ids]);
  return Number(row?.['n'] ?? 0);
}
