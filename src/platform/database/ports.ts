import type { SqlEntityManager } from '@mikro-orm/sql';

/** What a lower room leaves to higher ones, by the type of the function that does it. */
export interface Port<F> {
  readonly name: string;
  /**
   * The function that was bound where the database was opened. It comes with the entity manager, so that no caller of a verb can
   * forget it, and works in the transaction that it is given.
   */
  of(em: SqlEntityManager): F;
}

/** A port and the function that is bound to it. */
export interface Binding {
  readonly port: Port<unknown>;
  readonly implementation: unknown;
}

export function definePort<F>(name: string): Port<F> {
  const port: Port<F> = {
    name,
    of(em) {
      const bindings = em.config.get('ports' as never) as readonly Binding[] | undefined;
      const found = bindings?.find((one) => one.port === port);
      if (found === undefined)
        throw new Error(`nothing is bound to the port ${name}: the database was opened without it`);
      return found.implementation as F;
    },
  };
  return port;
}

export function bind<F>(port: Port<F>, implementation: F): Binding {
  return { port, implementation };
}
