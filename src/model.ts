import type { AudienceAsked, TypJwtAsked } from './access/index.ts';
import { entities } from './entities.ts';
import type { SessionsEnded } from './identity/index.ts';
import { migrations } from './migrations/index.ts';
import { algorithmsOfClients } from './oauth/algorithms/index.ts';
import { requireNoClientNamed, requireNoPermissionsInIdTokens } from './oauth/api-rules/index.ts';
import { noticeLogout } from './oauth/logout/index.ts';
import type { Model } from './platform/database/index.ts';
import { sessionsEnded as endWhatLivesByThem, rightsChanged } from './tokens/index.ts';

const sessionsEnded: SessionsEnded = async (tx, ended) => {
  // First, while the grants still say which session they were given in.
  await noticeLogout(tx, ended);
  await endWhatLivesByThem(tx, ended);
};

/** What a database of Signet is opened with: its tables, the order of their changes, and what happens upwards when a room changes something. */
export const model: Model = {
  entities,
  migrations,
  ports: {
    rightsChanged,
    sessionsEnded,
    algorithmsAsked: algorithmsOfClients,
    audienceAsked: requireNoClientNamed satisfies AudienceAsked,
    typJwtAsked: requireNoPermissionsInIdTokens satisfies TypJwtAsked,
  },
};
