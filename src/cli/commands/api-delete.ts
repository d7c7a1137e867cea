import type { SqlEntityManager } from '@mikro-orm/sql';
import { countImportedRecords, deleteSource } from '../../imports/django/index.ts';
import { type ClientOfApi, clientsOfApi, detachClients } from '../../oauth/index.ts';
import { type Api, type ApiContents, deleteApi, permissionError, readApiContents } from '../../permissions/index.ts';
import { type DatabaseCommand, isSet } from '../command.ts';
import { transaction } from '../context.ts';
import { requireApi } from './options.ts';
import { duration, fields, names, pluralize } from './text.ts';

export const apiDelete: DatabaseCommand = {
  kind: 'database',
  name: 'api delete',
  summary: 'Delete an API with its permissions and everything that was given of it; says first what that is',
  usage: 'AUDIENCE [--yes]   (without --yes it asks for the audience once more)',
  options: { yes: { type: 'boolean' } },
  args: { min: 1, max: 1 },
  confirm: (input) => input.positionals[0] as string,
  async run(context, input) {
    const audience = input.positionals[0] as string;
    if (!isSet(input, 'yes')) {
      const em = context.db.fork();
      const api = await requireDeletable(await requireApi(context, em, audience));
      const deletion = { ...(await readReferences(em, api)), contents: await readApiContents(em, api.id) };
      return { data: { ...wireDeletion(api.audience, deletion), deleted: false }, text: deletionText(api, deletion) };
    }
    const { name, deletion } = await transaction(context, async (tx) => {
      const api = await requireDeletable(await requireApi(context, tx, audience));
      const references = await readReferences(tx, api);
      const contents = await deleteApi(tx, context.audit(), api, async (inner, deleted) => {
        await detachClients(inner, deleted.id);
        await deleteSource(inner, deleted.audience);
      });
      return { name: api.audience, deletion: { ...references, contents } };
    });
    const { permissions, holders } = deletion.contents;
    return {
      data: { ...wireDeletion(name, deletion), deleted: true },
      text: `Deleted the API ${name}: ${pluralize(permissions, 'permission')}; ${pluralize(holders, 'holder')} may do less now.`,
    };
  },
};

interface Deletion {
  readonly contents: ApiContents;
  readonly clients: ClientOfApi[];
  /** Import records that are deleted too. */
  readonly imported: number;
}

async function readReferences(em: SqlEntityManager, api: Api): Promise<Omit<Deletion, 'contents'>> {
  return { clients: await clientsOfApi(em, api.id), imported: await countImportedRecords(em, api.audience) };
}

async function requireDeletable(api: Api): Promise<Api> {
  if (api.isBuiltin) throw permissionError('api_own_undeletable');
  return api;
}

function wireDeletion(audience: string, { contents, clients, imported }: Deletion) {
  const { models, permissions, assignments, roles, holders } = contents;
  return {
    audience,
    models,
    permissions,
    assignments,
    roles,
    holders,
    clients: clients.map(({ clientId, name, role }) => ({ client_id: clientId, name, role })),
    imported_records: imported,
  };
}

function deletionText(api: Api, { contents, clients, imported }: Deletion): string {
  const { models, permissions, assignments, roles, holders } = contents;
  const { users, clients: ownClients, groups } = assignments;
  return fields([
    ['API', `${api.audience} (${api.name})`],
    ['Permissions', `${permissions}, of ${pluralize(models, 'model')}`],
    [
      'Assignments',
      `${users} to users, ${ownClients} to clients, ${groups} to groups; ${pluralize(roles, 'flag')} at it`,
    ],
    ['Holders', `${pluralize(holders, 'user')} or client${holders === 1 ? '' : 's'} that may do less`],
    ['Clients', clients.length === 0 ? '(none)' : names(clients.map((one) => `${one.name} ${one.role} it`))],
    ['Imports', imported === 0 ? '(none)' : `${pluralize(imported, 'record')} forgotten; users and groups stay`],
    [
      'Tokens',
      `refused here at once; a service that verifies locally takes one for ${duration(api.ttlSeconds)} at most`,
    ],
    ['All this', 'goes with it, and cannot be undone.'],
  ]);
}
