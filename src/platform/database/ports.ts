import type { SqlEntityManager } from '@mikro-orm/sql';

/** A function that a lower room declares and a higher room implements. */
export interface Port<F> {
  readonly name: string;
  /**
   * Returns the function bound when the database was opened. It comes with the entity manager, so that no caller can forget it, and runs in
   * the given transaction.
   */
  of(em: SqlEntityManager): F;
}

/** A port and its implementation. */
export interface Binding {
  readonly port: Port<unknown>;
  readonly implementation: unknown;
}

export function definePort<F>(name: string): Port<F> {
  const port: Port<F> = {
    name,
    of(em) {
      const bindings = em.config.get('ports' as never) as readonly Binding[] | undefined;
      const binding = bindings?.find((one) => one.port === port);
      if (binding === undefined)
        throw new Error(`nothing is bound to the port ${name}: the database was opened without it`);
      return binding.implementation as F;
    },
  };
  return port;
}

export function bind<F>(port: Port<F>, implementation: F): Binding {
  return { port, implementation };
}
