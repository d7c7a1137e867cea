import { Type } from 'typebox';
import type { Database, Statement } from '../database/index.ts';
import { type App, tryLater } from '../http/index.ts';

const ping: Statement = { name: 'platform-ping', text: 'select 1 as up' };
const ok = Type.Object({ status: Type.Literal('ok') });

/** Probes: `live` = the process answers, `started` = it has begun to serve, `ready` = the database answers too. */
export function healthRoutes(app: App, db: Database, isStopping: () => boolean): void {
  for (const path of ['/health/live', '/health/started'])
    app.get(path, { schema: { summary: 'The process answers', response: { 200: ok } } }, async () => ({
      status: 'ok' as const,
    }));
  app.get('/health/ready', { schema: { summary: 'Requests can be served', response: { 200: ok } } }, async () => {
    if (isStopping()) throw tryLater('unavailable', 5, 'stopping');
    await db.query(ping, []);
    return { status: 'ok' as const };
  });
}
