import type { EntityClass, EntitySchema } from '@mikro-orm/core';
import { type Migration, Migrator } from '@mikro-orm/migrations';
import type { Binding } from './ports.ts';

/** What both engines are opened with: the product's entities and migrations, passed in, because the platform knows neither. */
export interface Model {
  readonly entities: readonly (EntityClass | EntitySchema)[];
  /** What happens in higher rooms when something happens in a lower one. */
  readonly ports: readonly Binding[];
  /** The first migration of versions that no upgrade leads from. */
  readonly predecessor?: string;
  readonly migrations: readonly { readonly name: string; readonly class: new (...parameters: never[]) => Migration }[];
}

/** The ORM's options that do not depend on the engine. */
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

/** The names of the migrations, in their order. */
export function migrationNames(model: Model): string[] {
  return model.migrations.map((one) => one.name);
}
