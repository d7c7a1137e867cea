import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  type Api,
  assign,
  explainPermissions,
  type Group,
  getGroup,
  getPermissions,
  permissionsOfGroup,
  type Receiver,
  type Source,
  unassign,
} from '../../access/index.ts';
import { getUser, holderOf, type User } from '../../identity/index.ts';
import { type Context, type DatabaseCommand, type Input, isSet, optionText } from '../command.ts';
import { usage } from '../parse.ts';
import { changing } from './changing.ts';
import { namedApi, required } from './options.ts';
import { rows } from './text.ts';

const whose = { user: { type: 'string' }, group: { type: 'string' }, api: { type: 'string' } } as const;
const whoUsage = '(--user N | --group N)';

/** The user or group that the options name: one of them, not both. */
type Who = { readonly user: User; readonly group?: never } | { readonly group: Group; readonly user?: never };

async function named(em: SqlEntityManager, input: Input, command: DatabaseCommand): Promise<Who> {
  const user = optionText(input, 'user');
  const group = optionText(input, 'group');
  if ((user === undefined) === (group === undefined)) throw usage(command, 'Name either a user or a group');
  return user === undefined ? { group: await getGroup(em, group as string) } : { user: await getUser(em, user) };
}

function receiverOf(who: Who): Receiver {
  if (who.group) return { kind: 'group', group: who.group };
  return { kind: 'user', principal: { id: who.user.id, label: who.user.username } };
}

function labelOf(who: Who): string {
  return who.group ? `the group "${who.group.name}"` : who.user.username;
}

function wire(who: Who) {
  return who.group ? { group: who.group.name } : { user: who.user.username };
}

export const permGrant: DatabaseCommand = {
  kind: 'database',
  name: 'perm grant',
  summary: 'Give permissions of an API to a user or group',
  usage: `${whoUsage} --api AUDIENCE PERM…`,
  options: whose,
  words: { min: 1 },
  async run(context, input) {
    const { who, api, done } = await change(context, input, permGrant, assign);
    const rest = input.positionals.filter((name) => !done.includes(name));
    const lines = [
      done.length > 0 ? `Gave ${labelOf(who)} at ${api.audience}: ${done.join(', ')}` : '',
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
  usage: `${whoUsage} --api AUDIENCE PERM…`,
  options: whose,
  words: { min: 1 },
  async run(context, input) {
    const { who, api, done } = await change(context, input, permRevoke, unassign);
    const rest = [...new Set(input.positionals.filter((name) => !done.includes(name)))];
    const held = who.user
      ? await explainPermissions(context.db.fork(), holderOf(who.user), context.clock.now(), api.id)
      : [];
    const still = held.filter((one) => input.positionals.includes(one.name));
    const lines = [
      done.length > 0 ? `Took from ${labelOf(who)} at ${api.audience}: ${done.join(', ')}` : '',
      rest.length > 0 ? `Not held directly: ${rest.join(', ')}` : '',
      ...still.map((one) => `Held still: ${one.name} (${sourceOf(one)})`),
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
  const audience = required(input, 'api', `npx signet ${command.name} ${command.usage}`);
  return changing(context, async (tx) => {
    const who = await named(tx, input, command);
    const api = await namedApi(context, tx, audience);
    const permissions = await getPermissions(tx, api, input.positionals);
    return { who, api, done: await verb(tx, context.stamp(), receiverOf(who), permissions) };
  });
}

export const permList: DatabaseCommand = {
  kind: 'database',
  name: 'perm list',
  summary: 'What a user or group may do; --explain says where each permission comes from',
  usage: `${whoUsage} [--api AUDIENCE] [--explain]`,
  options: { ...whose, explain: { type: 'boolean' } },
  words: { min: 0, max: 0 },
  async run(context, input) {
    const em = context.db.fork();
    const who = await named(em, input, permList);
    const audience = optionText(input, 'api');
    const api = audience === undefined ? undefined : await namedApi(context, em, audience);
    const sources = await sourcesOf(em, who, context.clock.now(), api?.id);
    const isExplained = isSet(input, 'explain');
    const permissions = isExplained ? sources : withoutSource(sources);
    const lines = isExplained
      ? rows(
          ['API', 'PERMISSION', 'FROM'],
          sources.map((one) => [one.audience, one.name, sourceOf(one)]),
        )
      : rows(
          ['API', 'PERMISSION'],
          permissions.map((one) => [one.audience, one.name]),
        );
    const text =
      permissions.length === 0 ? `${labelOf(who)} holds no permission${api ? ` of ${api.audience}` : ''}.` : lines;
    return {
      data: { ...wire(who), ...flagsOf(who), permissions },
      text: [text, remark(who)].filter(Boolean).join('\n'),
    };
  },
};

async function sourcesOf(em: SqlEntityManager, who: Who, now: Date, apiId: string | undefined): Promise<Source[]> {
  if (who.user) return explainPermissions(em, holderOf(who.user), now, apiId);
  const { name: group } = who.group;
  return (await permissionsOfGroup(em, who.group.id, now, apiId)).map((one) => ({ ...one, from: 'group', group }));
}

function withoutSource(sources: readonly Source[]): { audience: string; name: string }[] {
  const seen = new Map(sources.map(({ audience, name }) => [`${audience}\0${name}`, { audience, name }]));
  return [...seen.values()];
}

function flagsOf(who: Who) {
  return who.user ? { is_active: who.user.isActive, is_superuser: who.user.isSuperuser } : {};
}

/** What the list alone would not tell (Django: inactive beats everything, a superuser has names that nobody registered too). */
function remark({ user }: Who): string {
  if (!user) return '';
  if (!user.isActive)
    return `${user.username} is inactive and may do nothing. Activate: npx signet user activate ${user.username}`;
  return user.isSuperuser ? `${user.username} is a superuser: has_perm answers yes to every name.` : '';
}

function sourceOf({ from, group }: Pick<Source, 'from' | 'group'>): string {
  if (from === 'group') return `group "${group}"`;
  return from === 'user' ? 'given directly' : 'superuser';
}
