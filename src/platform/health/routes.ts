import { Type } from 'typebox';
import { type Database, findDatabaseProblems } from '../database/index.ts';
import type { Explain } from '../errors.ts';
import { type App, tryLater } from '../http/index.ts';

const ok = Type.Object({ status: Type.Literal('ok') }, { title: 'Ok', additionalProperties: false });
const probe = { tags: ['health'], security: [], response: { 200: ok } };

export interface HealthOptions {
  readonly isStopping: () => boolean;
  /** For the log. */
  readonly explain: Explain;
}

/** Probes: `live` = the process responds, `started` = it has begun to serve, `ready` = the database responds too and is usable. */
export function healthRoutes(app: App, db: Database, { isStopping, explain }: HealthOptions): void {
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
    const problem = (await findDatabaseProblems(db)).find((one) => one.isFatal);
    if (problem) throw tryLater('unavailable', 5, explain(problem.error));
    return { status: 'ok' as const };
  });
}
