import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Client, getClient } from '../../oauth/index.ts';
import {
  type Api,
  type Assignee,
  assign,
  explainPermissions,
  type Group,
  getGroup,
  getPermissions,
  listGroupPermissions,
  type PrincipalRef,
  type Source,
  unassign,
} from '../../permissions/index.ts';
import { getUser, lockUser, type User, userPrincipal } from '../../users/index.ts';
import { type Context, type DatabaseCommand, type Input, isSet, optionText } from '../command.ts';
import { transaction } from '../context.ts';
import { usage } from '../parse.ts';
import { requireApi, requiredOption } from './options.ts';
import { sourceText } from './perm-holders.ts';
import { rows } from './text.ts';
import { optionalUser, userOptions } from './user-options.ts';

const whose = {
  ...userOptions,
  group: { type: 'string' },
  client: { type: 'string' },
  api: { type: 'string' },
} as const;
const principalUsage = '(--user N | --user-id ID | --group N | --client ID)';

/** The user, group or client that the options name: one of them. */
type Who =
  | { readonly kind: 'user'; readonly user: User }
  | { readonly kind: 'group'; readonly group: Group }
  | { readonly kind: 'client'; readonly client: Client };

async function named(em: SqlEntityManager, input: Input, command: DatabaseCommand, findUser = getUser): Promise<Who> {
  const [user, group, client] = [optionalUser(input), optionText(input, 'group'), optionText(input, 'client')];
  if ([user, group, client].filter((one) => one !== undefined).length !== 1)
    throw usage(command, 'Name a user, a group or a client');
  if (user !== undefined) return { kind: 'user', user: await findUser(em, user) };
  if (group !== undefined) return { kind: 'group', group: await getGroup(em, group) };
  return { kind: 'client', client: await getClient(em, client as string) };
}

function assignee(who: Who): Assignee {
  if (who.kind === 'group') return { kind: 'group', group: who.group };
  if (who.kind === 'user') return { kind: 'user', principal: { id: who.user.id, label: who.user.username } };
  return { kind: 'client', principal: { id: who.client.id, label: who.client.name } };
}

/** The principal that the name stands for; a group is none. */
function principalRef(who: Who): PrincipalRef | null {
  if (who.kind === 'group') return null;
  if (who.kind === 'user') return userPrincipal(who.user);
  return { kind: 'client', id: who.client.id, isActive: who.client.isActive, isSuperuser: false };
}

function principalLabel(who: Who): string {
  if (who.kind === 'group') return `the group "${who.group.name}"`;
  return who.kind === 'user' ? who.user.username : `the client ${who.client.name}`;
}

function wire(who: Who) {
  if (who.kind === 'group') return { group: who.group.name };
  return who.kind === 'user' ? { user: who.user.username } : { client: who.client.clientId };
}

export const permGrant: DatabaseCommand = {
  kind: 'database',
  name: 'perm grant',
  summary: 'Give permissions of an API to a user, group or client',
  usage: `${principalUsage} --api AUDIENCE PERM…`,
  options: whose,
  args: { min: 1 },
  async run(context, input) {
    const { who, api, done } = await change(context, input, permGrant, assign);
    const rest = input.positionals.filter((name) => !done.includes(name));
    const lines = [
      done.length > 0 ? `Gave ${principalLabel(who)} at ${api.audience}: ${done.join(', ')}` : '',
      rest.length > 0 ? `Held already: ${[...new Set(rest)].join(', ')}` : '',
    ];
    return {
      data: { ...wire(who), audience: api.audience, granted: done, already_held: [...new Set(rest)] },
      text: lines.filter(Boolean).join('\n'),
    };
  },
};

export const permRevoke: DatabaseCommand = {
  kind: 'database',
  name: 'perm revoke',
  summary: 'Take away permissions that were given directly; says what is held still',
  usage: `${principalUsage} --api AUDIENCE PERM…`,
  options: whose,
  args: { min: 1 },
  async run(context, input) {
    const { who, api, done } = await change(context, input, permRevoke, unassign);
    const rest = [...new Set(input.positionals.filter((name) => !done.includes(name)))];
    const holder = principalRef(who);
    const held = holder ? await explainPermissions(context.db.fork(), holder, context.clock.now(), api.id) : [];
    const still = held.filter((one) => input.positionals.includes(one.name));
    const lines = [
      done.length > 0 ? `Took from ${principalLabel(who)} at ${api.audience}: ${done.join(', ')}` : '',
      rest.length > 0 ? `Not held directly: ${rest.join(', ')}` : '',
      ...still.map((one) => `Held still: ${one.name} (${sourceText(one)})`),
    ];
    return {
      data: {
        ...wire(who),
        audience: api.audience,
        revoked: done,
        not_held: rest,
        still_held: still.map(({ name, from, group }) => ({ name, from, group })),
      },
      text: lines.filter(Boolean).join('\n'),
    };
  },
};

function change(
  context: Context,
  input: Input,
  command: DatabaseCommand,
  verb: typeof assign,
): Promise<{ who: Who; api: Api; done: string[] }> {
  const audience = requiredOption(input, 'api', `npx signet ${command.name} ${command.usage}`);
  return transaction(context, async (tx) => {
    const who = await named(tx, input, command, lockUser);
    const api = await requireApi(context, tx, audience);
    const permissions = await getPermissions(tx, api, input.positionals);
    return { who, api, done: await verb(tx, context.audit(), assignee(who), permissions) };
  });
}

export const permList: DatabaseCommand = {
  kind: 'database',
  name: 'perm list',
  summary: 'What a user, group or client may do; --explain says where each permission comes from',
  usage: `${principalUsage} [--api AUDIENCE] [--explain]`,
  options: { ...whose, explain: { type: 'boolean' } },
  args: { min: 0, max: 0 },
  async run(context, input) {
    const em = context.db.fork();
    const who = await named(em, input, permList);
    const audience = optionText(input, 'api');
    const api = audience === undefined ? undefined : await requireApi(context, em, audience);
    const sources = await readSources(em, who, context.clock.now(), api?.id);
    const isExplained = isSet(input, 'explain');
    const permissions = isExplained ? sources : withoutSource(sources);
    const lines = isExplained
      ? rows(
          ['API', 'PERMISSION', 'FROM'],
          sources.map((one) => [one.audience, one.name, sourceText(one)]),
        )
      : rows(
          ['API', 'PERMISSION'],
          permissions.map((one) => [one.audience, one.name]),
        );
    const text =
      permissions.length === 0
        ? `${principalLabel(who)} holds no permission${api ? ` of ${api.audience}` : ''}.`
        : lines;
    return {
      data: { ...wire(who), ...readFlags(who), permissions },
      text: [text, remark(who)].filter(Boolean).join('\n'),
    };
  },
};

async function readSources(em: SqlEntityManager, who: Who, now: Date, apiId: string | undefined): Promise<Source[]> {
  const holder = principalRef(who);
  if (holder) return explainPermissions(em, holder, now, apiId);
  const { id, name } = (who as { group: Group }).group;
  return (await listGroupPermissions(em, id, now, apiId)).map((one) => ({ ...one, from: 'group', group: name }));
}

function withoutSource(sources: readonly Source[]): { audience: string; name: string }[] {
  const seen = new Map(sources.map(({ audience, name }) => [`${audience}\0${name}`, { audience, name }]));
  return [...seen.values()];
}

function readFlags(who: Who) {
  const holder = principalRef(who);
  return holder ? { is_active: holder.isActive, is_superuser: holder.isSuperuser } : {};
}

/** What the list alone would not tell (Django: inactive beats everything, a superuser has names that nobody registered too). */
function remark(who: Who): string {
  if (who.kind === 'client' && !who.client.isActive)
    return `${who.client.name} is disabled and gets no token. Enable: npx signet client enable ${who.client.clientId}`;
  if (who.kind !== 'user') return '';
  const { user } = who;
  if (!user.isActive)
    return `${user.username} is inactive and may do nothing. Activate: npx signet user activate ${user.username}`;
  return user.isSuperuser ? `${user.username} is a superuser: has_perm answers yes to every name.` : '';
}
