import { entities } from './entities.ts';
import { migrations } from './migrations/index.ts';
import type { Model } from './platform/database/index.ts';
import { rightsChanged, sessionsEnded } from './tokens/index.ts';

/** What a database of Signet is opened with: its tables, the order of their changes, and what happens upwards when a room changes something. */
export const model: Model = { entities, migrations, ports: { rightsChanged, sessionsEnded } };
