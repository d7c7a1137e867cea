import type { SqlEntityManager } from '@mikro-orm/sql';

/** What is to happen in higher rooms when something happens in a lower one, by the name of the port; given where the database is opened. */
export type Ports = Readonly<Record<string, unknown>>;

/**
 * What was plugged into a port. It comes with the entity manager, so that no caller of a verb can forget it, and works in the
 * transaction that it is given.
 */
export function portOf<Port>(em: SqlEntityManager, name: string): Port {
  const ports = em.config.get('ports' as never) as Ports | undefined;
  const port = ports?.[name];
  if (port === undefined)
    throw new Error(`nothing was plugged into the port ${name}: the database was opened without it`);
  return port as Port;
}
