import { addTombstoneKeys, eraseImports } from '../imports/index.ts';
import { migrations, predecessor } from '../migrations/index.ts';
import { listClientAlgorithms, requireNoClientId, requireNoPermissionsInIdTokens } from '../oauth/api-rules/index.ts';
import { queueLogoutDeliveries } from '../oauth/logout/index.ts';
import { beforeAudience, beforeTypJwt, onRightsChanged } from '../permissions/index.ts';
import { bind, type Model } from '../platform/database/index.ts';
import { endSessions, eraseSessions, onSessionsEnded } from '../sessions/index.ts';
import { eraseSignIns } from '../signin/index.ts';
import { clientAlgorithms, endSessionGrants, updateStatuses } from '../tokens/index.ts';
import { onUserDeactivated, onUserDeleted, onUserRenamed } from '../users/index.ts';
import { entities } from './entities.ts';

/** The entities, migrations and port implementations with which the database is opened. */
export const model: Model = {
  entities,
  migrations,
  predecessor,
  ports: [
    bind(onRightsChanged, updateStatuses),
    bind(onSessionsEnded, async (tx, ended) => {
      // First, while the grants still refer to their session.
      await queueLogoutDeliveries(tx, ended);
      await endSessionGrants(tx, ended);
    }),
    bind(
      onUserDeactivated,
      async (tx, userId, at) => void (await endSessions(tx, at, { user: userId }, 'deactivated')),
    ),
    bind(onUserRenamed, addTombstoneKeys),
    bind(onUserDeleted, async (tx, user, at) => {
      const sessions = await eraseSessions(tx, user.id, at);
      await eraseSignIns(tx, user.id);
      await eraseImports(tx, user);
      return { sessions };
    }),
    bind(clientAlgorithms, listClientAlgorithms),
    bind(beforeAudience, requireNoClientId),
    bind(beforeTypJwt, requireNoPermissionsInIdTokens),
  ],
};
