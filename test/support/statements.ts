import type { Database } from '../../src/platform/database/index.ts';

/**
 * Records what a server sends to its database: the name of a prepared statement, and of the unit of work the verb and the table
 * (`select users_user`), or `begin` and `commit`. `stop` ends it: databases are used again by other tests.
 */
export function recordStatements(real: Database): { db: Database; statements(): string[]; stop(): void } {
  let sent: string[] = [];
  const db: Database = {
    ...real,
    query: (statement, values) => {
      sent.push(statement.name);
      return real.query(statement, values);
    },
  };
  const logger = real.fork().config.getLogger();
  const { logQuery } = logger;
  logger.logQuery = ({ query = '' }) => {
    const [, verb = '', table = ''] = /^\s*(\w+)(?:[\s\S]*?\b(?:from|into|update)\s+"?(\w+)"?)?/i.exec(query) ?? [];
    sent.push(`${verb} ${/^update$/i.test(verb) ? (/^\s*update\s+"?(\w+)/i.exec(query)?.[1] ?? '') : table}`.trim());
  };
  return {
    db,
    statements() {
      const all = sent;
      sent = [];
      return all;
    },
    stop() {
      logger.logQuery = logQuery;
    },
  };
}
