import * as audit from '../audit/entities.ts';
import * as imports from '../imports/entities.ts';
import * as authorization from '../oauth/authorization-entities.ts';
import * as oauth from '../oauth/entities.ts';
import * as permissions from '../permissions/entities.ts';
import * as platform from '../platform/database/entities.ts';
import * as outbox from '../platform/outbox/entities.ts';
import * as sessions from '../sessions/entities.ts';
import * as signin from '../signin/entities.ts';
import * as tokens from '../tokens/entities.ts';
import * as users from '../users/entities.ts';

/** All entities, for the ORM. Listed explicitly, so that nothing depends on the file system. */
export const entities = [
  platform,
  outbox,
  audit,
  permissions,
  users,
  sessions,
  signin,
  imports,
  tokens,
  oauth,
  authorization,
].flatMap((room) => Object.values(room));
