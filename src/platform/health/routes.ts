import { Type } from 'typebox';
import { type Database, findDatabaseProblems } from '../database/index.ts';
import { type App, tryLater } from '../http/index.ts';

const ok = Type.Object({ status: Type.Literal('ok') }, { title: 'Ok', additionalProperties: false });
const probe = { tags: ['health'], security: [], response: { 200: ok } };

/** Probes: `live` = the process answers, `started` = it has begun to serve, `ready` = the database answers too, and can be worked on. */
export function healthRoutes(app: App, db: Database, isStopping: () => boolean): void {
  for (const path of ['/health/live', '/health/started'])
    app.get(
      path,
      {
        schema: {
          operationId: path === '/health/live' ? 'isLive' : 'isStarted',
          summary: 'The process answers',
          ...probe,
          problems: [],
        },
      },
      async () => ({ status: 'ok' as const }),
    );
  const ready = { operationId: 'isReady', summary: 'Requests can be served', ...probe };
  app.get('/health/ready', { schema: { ...ready, problems: ['unavailable'] } }, async () => {
    if (isStopping()) throw tryLater('unavailable', 5, 'stopping');
    const obstacle = (await findDatabaseProblems(db)).find((one) => one.isFatal);
    if (obstacle) throw tryLater('unavailable', 5, `${obstacle.what}. ${obstacle.remedy}`);
    return { status: 'ok' as const };
  });
}
