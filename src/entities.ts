import * as access from './access/entities.ts';
import * as audit from './audit/entities.ts';
import * as identity from './identity/entities.ts';
import * as authorization from './oauth/authorization-entities.ts';
import * as oauth from './oauth/entities.ts';
import * as platform from './platform/database/entities.ts';
import * as tokens from './tokens/entities.ts';

/** Every entity there is, for the ORM. Explicit, so that nothing depends on the file system. */
export const entities = [platform, audit, access, identity, tokens, oauth, authorization].flatMap((room) =>
  Object.values(room),
);
