import type { SqlEntityManager } from '@mikro-orm/sql';
import { allowPermissions, type Client, disallowPermissions, getClient } from '../../oauth/index.ts';
import { type Api, getPermissions, listPermissions, type Permission } from '../../permissions/index.ts';
import { type Context, type Input, isSet, Misuse, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { requireApi, requiredOption } from './options.ts';
import { names } from './text.ts';

export const clientAllow: RunOnDatabase = async (context, input) => {
  const { client, api, done, unchanged } = await changeBoundary(context, input, allowPermissions);
  const lines = [
    done.length > 0 ? `Within the boundary of ${client.name} at ${api.audience} now: ${names(done)}` : '',
    unchanged.length > 0 ? `Under it already: ${names(unchanged)}` : '',
    client.isFirstParty ? `${client.name} is first-party: it carries everything as it is.` : '',
  ];
  return {
    data: { client: client.clientId, audience: api.audience, allowed: done, already_allowed: unchanged },
    text: lines.filter(Boolean).join('\n') || `${api.audience} has no permissions.`,
  };
};

export const clientDisallow: RunOnDatabase = async (context, input) => {
  const { client, api, done, unchanged } = await changeBoundary(context, input, disallowPermissions);
  const lines = [
    done.length > 0 ? `Not within the boundary of ${client.name} at ${api.audience} any more: ${names(done)}` : '',
    unchanged.length > 0 ? `Was not under it: ${names(unchanged)}` : '',
    client.isFirstParty ? `${client.name} is first-party: it carries everything as it is.` : '',
  ];
  return {
    data: { client: client.clientId, audience: api.audience, disallowed: done, not_allowed: unchanged },
    text: lines.filter(Boolean).join('\n') || `${api.audience} has no permissions.`,
  };
};

interface BoundaryChange {
  readonly client: Client;
  readonly api: Api;
  readonly done: string[];
  /** Named permissions that were already in that state. */
  readonly unchanged: string[];
}

function changeBoundary(context: Context, input: Input, operation: typeof allowPermissions): Promise<BoundaryChange> {
  const audience = requiredOption(input, 'api');
  const [id = '', ...permissionNames] = input.positionals;
  if (isSet(input, 'all') === permissionNames.length > 0) throw new Misuse('Name permissions, or say --all');
  return transaction(context, async (tx) => {
    const client = await getClient(tx, id);
    const api = await requireApi(context, tx, audience);
    const permissions = await readPermissions(tx, api, permissionNames);
    const done = await operation(tx, context.audit(), client, permissions);
    return { client, api, done, unchanged: [...new Set(permissionNames)].filter((name) => !done.includes(name)) };
  });
}

async function readPermissions(
  tx: SqlEntityManager,
  api: Api,
  permissionNames: readonly string[],
): Promise<Permission[]> {
  return permissionNames.length === 0
    ? listPermissions(tx, api.id)
    : getPermissions(tx, api, [...new Set(permissionNames)]);
}
