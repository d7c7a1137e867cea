import { readTokenState } from '../../src/oauth/queries.ts';
import type { Database, Statement } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { systemClock } from '../../src/platform/time.ts';
import { model } from '../../src/server/model.ts';
import { currentSession } from '../../src/sessions/index.ts';
import { measureQueries } from './query.ts';
import type { LimitResult } from './result.ts';

/** Longer than any run. */
const sessionLife = { idleSeconds: 86_400, absoluteSeconds: 86_400 };

const sessionCookie = { read: (header: string) => header.slice(header.indexOf('=') + 1) };

interface Run {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/** The select of a session check, or of a bearer token, by Signet's own client and nothing else around it. */
export async function limitOwnSelect(
  what: 'session' | 'token-state',
  parameter: string,
  seconds: number,
): Promise<LimitResult> {
  const { databaseUrl, tokens } = JSON.parse(parameter) as { databaseUrl: string; tokens: string[] };
  const db = await openPostgresql(databaseUrl, 10, model, { use: 'requests', pipelines: 2 });
  const runs: Run[] = [];
  for (const token of tokens) runs.push(await firstOf(db, (seen) => askers[what](seen, token)));
  const result = await measureQueries(seconds, async (nth) => {
    const { statement, values } = runs[nth % runs.length] as Run;
    return (await db.query(statement, values)).length;
  });
  await db.close();
  return result;
}

const askers = {
  session: (db: Database, cookie: string) =>
    currentSession({ db, clock: systemClock, sessionLife }, sessionCookie, cookie),
  'token-state': (db: Database, token: string) => {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());
    const { idx, uri } = claims.status?.status_list ?? {};
    const statusIndex = uri === undefined ? null : { list: Number(uri.slice(uri.lastIndexOf('/') + 1)), idx };
    const extra = { apiId: undefined, extraPrincipal: undefined, statusIndex, use: undefined };
    return readTokenState(db, claims, new Date(), extra);
  },
};

/** The first statement that this runs, with its values. */
async function firstOf(db: Database, ask: (seen: Database) => Promise<unknown>): Promise<Run> {
  const runs: Run[] = [];
  const query: Database['query'] = (statement, values) => {
    runs.push({ statement, values });
    return db.query(statement, values);
  };
  await ask({ ...db, query });
  if (runs[0] === undefined) throw new Error('No statement was run.');
  return runs[0];
}
