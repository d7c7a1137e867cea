import { defineEntity, p } from '@mikro-orm/core';

/** Facts about this installation, such as the ids of the development sample. */
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
/** A version counter per topic: a process that has read another version reads the data again. */
export class PlatformSignal extends SignalSchema.class {}
SignalSchema.setClass(PlatformSignal);
