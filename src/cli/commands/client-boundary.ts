import type { SqlEntityManager } from '@mikro-orm/sql';
import { allowPermissions, type Client, disallowPermissions, getClient } from '../../oauth/index.ts';
import { type Api, getPermissions, listPermissions, type Permission } from '../../permissions/index.ts';
import { type Context, type DatabaseCommand, type Input, isSet } from '../command.ts';
import { transaction } from '../context.ts';
import { usage } from '../parse.ts';
import { requireApi, requiredOption } from './options.ts';
import { names } from './text.ts';

const options = { api: { type: 'string' }, all: { type: 'boolean' } } as const;
const args = { min: 1 } as const;

export const clientAllow: DatabaseCommand = {
  kind: 'database',
  name: 'client allow',
  summary: "Raise a client's boundary: what it may carry of its users' permissions when they consent",
  usage: 'ID --api AUDIENCE (PERM… | --all)   (--all: every permission that the API has now)',
  options,
  args,
  async run(context, input) {
    const { client, api, done, unchanged } = await changeBoundary(context, input, clientAllow, allowPermissions);
    const lines = [
      done.length > 0 ? `Within the boundary of ${client.name} at ${api.audience} now: ${names(done)}` : '',
      unchanged.length > 0 ? `Under it already: ${names(unchanged)}` : '',
      client.isFirstParty ? `${client.name} is first-party: it carries everything as it is.` : '',
    ];
    return {
      data: { client: client.clientId, audience: api.audience, allowed: done, already_allowed: unchanged },
      text: lines.filter(Boolean).join('\n') || `${api.audience} has no permissions.`,
    };
  },
};

export const clientDisallow: DatabaseCommand = {
  kind: 'database',
  name: 'client disallow',
  summary: "Lower a client's boundary: its tokens that say more are suspended, and their next ones say less",
  usage: 'ID --api AUDIENCE (PERM… | --all)',
  options,
  args,
  async run(context, input) {
    const { client, api, done, unchanged } = await changeBoundary(context, input, clientDisallow, disallowPermissions);
    const lines = [
      done.length > 0 ? `Not within the boundary of ${client.name} at ${api.audience} any more: ${names(done)}` : '',
      unchanged.length > 0 ? `Was not under it: ${names(unchanged)}` : '',
      client.isFirstParty ? `${client.name} is first-party: it carries everything as it is.` : '',
    ];
    return {
      data: { client: client.clientId, audience: api.audience, disallowed: done, not_allowed: unchanged },
      text: lines.filter(Boolean).join('\n') || `${api.audience} has no permissions.`,
    };
  },
};

interface BoundaryChange {
  readonly client: Client;
  readonly api: Api;
  readonly done: string[];
  /** Named permissions that were already in that state. */
  readonly unchanged: string[];
}

function changeBoundary(
  context: Context,
  input: Input,
  command: DatabaseCommand,
  operation: typeof allowPermissions,
): Promise<BoundaryChange> {
  const audience = requiredOption(input, 'api', `npx signet ${command.name} ${command.usage}`);
  const [id = '', ...permissionNames] = input.positionals;
  if (isSet(input, 'all') === permissionNames.length > 0) throw usage(command, 'Name permissions, or say --all');
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
