import pg from 'pg';
import type { Test } from 'tap';
import { runCommand } from '../../src/cli/run.ts';
import { createTestPostgresql, postgresqlUrl } from '../support/database.ts';
import { ISSUER, masterKey } from '../support/server.ts';

/** Creates a database in which an administrator has set these settings for every session. */
export async function hostileDatabase(t: Test, settings: Record<string, string>, empty = true) {
  const { url, drop } = await createTestPostgresql({ empty });
  t.teardown(drop);
  await asAdministrator(async (client) => {
    for (const [name, value] of Object.entries(settings))
      await client.query(
        `alter database ${new URL(url).pathname.slice(1)} set ${name} = ${name === 'search_path' ? value : `'${value}'`}`,
      );
  });
  return url;
}

export async function asAdministrator<T>(work: (client: pg.Client) => Promise<T>, url = postgresqlUrl): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Runs a command. */
export const signet = (args: string[], url: string, environment: Record<string, string> = {}) =>
  runCommand(
    args,
    { DATABASE_URL: url, SIGNET_ISSUER: ISSUER, SIGNET_MASTER_KEY: masterKey.toString('hex'), ...environment },
    () => {},
    () => {},
  );
/** Returns the session checks of `doctor`. */
export async function sessionChecks(url: string): Promise<{ status: string; message: string; remedy?: string }[]> {
  const { stdout } = await signet(['doctor', '--json'], url, { SIGNET_ARGON2_MEMORY: '7168' });
  return (JSON.parse(stdout) as { checks: { name: string; status: string; message: string }[] }).checks.filter(
    (one) => one.name === 'sessions',
  );
}
