import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  type Api,
  type ApiFile,
  changeCatalogue,
  createApi,
  type FormerHolder,
  findApi,
  holdersOfRemoved,
  listPermissions,
  readApiFile,
  updateApi,
} from '../../access/index.ts';
import { usernamesOf } from '../../identity/index.ts';
import { Failure } from '../../platform/failure.ts';
import { type Context, type DatabaseCommand, isSet, type Output } from '../command.ts';
import { changing } from './changing.ts';
import { counted, names } from './text.ts';

interface Holder {
  readonly permission: string;
  readonly kind: FormerHolder['kind'];
  readonly name: string;
}

interface Synced {
  readonly audience: string;
  readonly created: boolean;
  readonly version: number;
  readonly hash: string;
  readonly added: string[];
  readonly relabelled: string[];
  readonly removed: string[];
  /** In the catalogue and not in the file. */
  readonly kept: string[];
  /** Who held what was removed. */
  readonly holders: Holder[];
}

export const apiSync: DatabaseCommand = {
  kind: 'database',
  name: 'api sync',
  summary: "Make an API's permissions those of a file (YAML or JSON); --prune removes the rest",
  usage:
    'FILE [--prune]   (FILE: {audience: polls, apps: {polls: {models: [question, choice], permissions: {publish_poll: Can publish poll}}}})',
  options: { prune: { type: 'boolean' } },
  words: { min: 1, max: 1 },
  fileAt: 0,
  async run(context, input) {
    if (!input.file) throw new Failure('usage', 'The file is missing.');
    const file = readApiFile(input.file.text, input.file.name);
    return told(await changing(context, (tx) => sync(context, tx, file, isSet(input, 'prune'))));
  },
};

async function sync(context: Context, tx: SqlEntityManager, file: ApiFile, prune: boolean): Promise<Synced> {
  const stamp = context.stamp();
  const { api, created } = await target(tx, context, file);
  if (!created && file.name !== undefined) await updateApi(tx, stamp, api, { name: file.name });
  const change = await changeCatalogue(tx, stamp, api, file.permissions, { prune });
  const wanted = new Set(file.permissions.map((one) => `${one.app}.${one.codename}`));
  const live = await listPermissions(tx, api.id);
  const holders = change.removed.length > 0 ? await holdersOfRemoved(tx, api.id, change.version) : [];
  const usernames = await usernamesOf(
    tx,
    holders.filter((one) => one.kind === 'user').map((one) => one.id),
  );
  return {
    audience: api.audience,
    created,
    hash: api.catalogueHash,
    ...change,
    removed: change.removed.toSorted(),
    kept: live.map((one) => one.name).filter((name) => !wanted.has(name)),
    holders: holders.map(({ permission, kind, id, group }) => ({
      permission,
      kind,
      name: group ?? usernames.get(id) ?? id,
    })),
  };
}

async function target(tx: SqlEntityManager, context: Context, file: ApiFile): Promise<{ api: Api; created: boolean }> {
  const found = await findApi(tx, file.audience);
  if (found?.isBuiltin)
    throw new Failure('conflict', "That is Signet's own API: its permissions come with the version of Signet.");
  if (found) return { api: found, created: false };
  const api = await createApi(tx, context.stamp(), file.audience, file.name === undefined ? {} : { name: file.name });
  return { api, created: true };
}

function told(done: Synced): Output {
  const { audience, added, relabelled, removed, kept, holders } = done;
  const isChanged = added.length + relabelled.length + removed.length > 0;
  const lines = [
    done.created ? `Created the API ${audience}.` : '',
    isChanged
      ? `Catalogue of ${audience}: version ${done.version}.`
      : `The catalogue of ${audience} is as the file says (version ${done.version}).`,
    added.length > 0 ? `  added       ${names(added)}` : '',
    relabelled.length > 0 ? `  relabelled  ${names(relabelled)}` : '',
    removed.length > 0 ? `  removed     ${names(removed)}` : '',
    kept.length > 0 ? `  kept        ${names(kept)}   (not in the file; --prune removes them)` : '',
    holders.length > 0 ? `Permissions ended for ${counted(holders.length, 'holder')}:` : '',
    ...holders.slice(0, SHOWN).map((one) => `  ${one.permission}  ${one.kind} ${one.name}`),
    holders.length > SHOWN ? `  and ${holders.length - SHOWN} more: --json lists all` : '',
  ];
  return { data: done, text: lines.filter(Boolean).join('\n') };
}

const SHOWN = 50;
