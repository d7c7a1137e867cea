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
