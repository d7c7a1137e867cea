import type { EntityClass, EntitySchema } from '@mikro-orm/core';
import { type Migration, Migrator } from '@mikro-orm/migrations';
import type { Binding } from './ports.ts';

/** The product's entities and migrations, with which both engines are opened; the platform knows neither. */
export interface Model {
  readonly entities: readonly (EntityClass | EntitySchema)[];
  /** The implementations of the ports that lower rooms declare. */
  readonly ports: readonly Binding[];
  /** The first migration of versions that cannot be upgraded. */
  readonly predecessor?: string;
  readonly migrations: readonly { readonly name: string; readonly class: new (...parameters: never[]) => Migration }[];
}

/** The ORM options shared by both engines. */
export function ormOptions(model: Model) {
  return {
    entities: [...model.entities],
    ports: model.ports,
    extensions: [Migrator],
    migrations: {
      migrationsList: model.migrations.map((one) => ({ name: one.name, class: one.class as never })),
      snapshot: false,
      transactional: true,
      allOrNothing: true,
      silent: true,
    },
    forceUtcTimezone: true,
    allowGlobalContext: false,
    logger: () => {},
  };
}

/** Returns the names of the migrations, in order. */
export function migrationNames(model: Model): string[] {
  return model.migrations.map((one) => one.name);
}
