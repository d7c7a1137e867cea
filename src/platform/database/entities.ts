import { defineEntity, p } from '@mikro-orm/core';

/** Facts about this installation as a whole, such as that it holds the development sample. */
const StateSchema = defineEntity({
  name: 'PlatformState',
  tableName: 'platform_state',
  properties: {
    name: p.string().columnType('text').primary(),
    value: p.json().$type<unknown>(),
  },
});
export class PlatformState extends StateSchema.class {}
StateSchema.setClass(PlatformState);

const SignalSchema = defineEntity({
  name: 'PlatformSignal',
  tableName: 'platform_signal',
  properties: {
    topic: p.string().columnType('text').primary(),
    version: p.integer(),
  },
});
/** How often something has changed that every process keeps ready-made: who has seen another version reads it again. */
export class PlatformSignal extends SignalSchema.class {}
SignalSchema.setClass(PlatformSignal);
