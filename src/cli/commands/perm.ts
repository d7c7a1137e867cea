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
import { type Context, type Input, isSet, Misuse, optionText, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { requireApi, requiredOption } from './options.ts';
import { sourceText } from './perm-holders.ts';
import { rows } from './text.ts';
import { optionalUser } from './user-options.ts';

/** The user, group or client that the options name; exactly one. */
type Grantee =
  | { readonly kind: 'user'; readonly user: User }
  | { readonly kind: 'group'; readonly group: Group }
  | { readonly kind: 'client'; readonly client: Client };

async function readGrantee(em: SqlEntityManager, input: Input, findUser = getUser): Promise<Grantee> {
  const [user, group, client] = [optionalUser(input), optionText(input, 'group'), optionText(input, 'client')];
  if ([user, group, client].filter((one) => one !== undefined).length !== 1)
    throw new Misuse('Name a user, a group or a client');
  if (user !== undefined) return { kind: 'user', user: await findUser(em, user) };
  if (group !== undefined) return { kind: 'group', group: await getGroup(em, group) };
  return { kind: 'client', client: await getClient(em, client as string) };
}

function toAssignee(grantee: Grantee): Assignee {
  if (grantee.kind === 'group') return { kind: 'group', group: grantee.group };
  if (grantee.kind === 'user')
    return { kind: 'user', principal: { id: grantee.user.id, label: grantee.user.username } };
  return { kind: 'client', principal: { id: grantee.client.id, label: grantee.client.name } };
}

/** Returns the principal; a group is not one. */
function principalRef(grantee: Grantee): PrincipalRef | null {
  if (grantee.kind === 'group') return null;
  if (grantee.kind === 'user') return userPrincipal(grantee.user);
  return { kind: 'client', id: grantee.client.id, isActive: grantee.client.isActive, isSuperuser: false };
}

function granteeLabel(grantee: Grantee): string {
  if (grantee.kind === 'group') return `the group "${grantee.group.name}"`;
  return grantee.kind === 'user' ? grantee.user.username : `the client ${grantee.client.name}`;
}

function wireGrantee(grantee: Grantee) {
  if (grantee.kind === 'group') return { group: grantee.group.name };
  return grantee.kind === 'user' ? { user: grantee.user.username } : { client: grantee.client.clientId };
}

export const permGrant: RunOnDatabase = async (context, input) => {
  const { grantee, api, done } = await changeAssignments(context, input, assign);
  const unchanged = input.positionals.filter((name) => !done.includes(name));
  const lines = [
    done.length > 0 ? `Gave ${granteeLabel(grantee)} at ${api.audience}: ${done.join(', ')}` : '',
    unchanged.length > 0 ? `Held already: ${[...new Set(unchanged)].join(', ')}` : '',
  ];
  return {
    data: { ...wireGrantee(grantee), audience: api.audience, granted: done, already_held: [...new Set(unchanged)] },
    text: lines.filter(Boolean).join('\n'),
  };
};

export const permRevoke: RunOnDatabase = async (context, input) => {
  const { grantee, api, done } = await changeAssignments(context, input, unassign);
  const unchanged = [...new Set(input.positionals.filter((name) => !done.includes(name)))];
  const principal = principalRef(grantee);
  const sources = principal ? await explainPermissions(context.db.fork(), principal, context.clock.now(), api.id) : [];
  const remaining = sources.filter((one) => input.positionals.includes(one.name));
  const lines = [
    done.length > 0 ? `Took from ${granteeLabel(grantee)} at ${api.audience}: ${done.join(', ')}` : '',
    unchanged.length > 0 ? `Not held directly: ${unchanged.join(', ')}` : '',
    ...remaining.map((one) => `Held still: ${one.name} (${sourceText(one)})`),
  ];
  return {
    data: {
      ...wireGrantee(grantee),
      audience: api.audience,
      revoked: done,
      not_held: unchanged,
      still_held: remaining.map(({ name, from, group }) => ({ name, from, group })),
    },
    text: lines.filter(Boolean).join('\n'),
  };
};

function changeAssignments(
  context: Context,
  input: Input,
  operation: typeof assign,
): Promise<{ grantee: Grantee; api: Api; done: string[] }> {
  const audience = requiredOption(input, 'api');
  return transaction(context, async (tx) => {
    const grantee = await readGrantee(tx, input, lockUser);
    const api = await requireApi(context, tx, audience);
    const permissions = await getPermissions(tx, api, input.positionals);
    return { grantee, api, done: await operation(tx, context.audit(), toAssignee(grantee), permissions) };
  });
}

export const permList: RunOnDatabase = async (context, input) => {
  const em = context.db.fork();
  const grantee = await readGrantee(em, input);
  const audience = optionText(input, 'api');
  const api = audience === undefined ? undefined : await requireApi(context, em, audience);
  const sources = await readSources(em, grantee, context.clock.now(), api?.id);
  const isExplained = isSet(input, 'explain');
  const permissions = isExplained ? sources : uniquePermissions(sources);
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
      ? `${granteeLabel(grantee)} holds no permission${api ? ` of ${api.audience}` : ''}.`
      : lines;
  return {
    data: { ...wireGrantee(grantee), ...wireFlags(grantee), permissions },
    text: [text, statusNote(grantee)].filter(Boolean).join('\n'),
  };
};

async function readSources(
  em: SqlEntityManager,
  grantee: Grantee,
  now: Date,
  apiId: string | undefined,
): Promise<Source[]> {
  const principal = principalRef(grantee);
  if (principal) return explainPermissions(em, principal, now, apiId);
  const { id, name } = (grantee as { group: Group }).group;
  return (await listGroupPermissions(em, id, now, apiId)).map((one) => ({ ...one, from: 'group', group: name }));
}

function uniquePermissions(sources: readonly Source[]): { audience: string; name: string }[] {
  const byName = new Map(sources.map(({ audience, name }) => [`${audience}\0${name}`, { audience, name }]));
  return [...byName.values()];
}

function wireFlags(grantee: Grantee) {
  const principal = principalRef(grantee);
  return principal ? { is_active: principal.isActive, is_superuser: principal.isSuperuser } : {};
}

/** A note that the list does not show (Django: an inactive user has no permissions, a superuser has even unregistered ones). */
function statusNote(grantee: Grantee): string {
  if (grantee.kind === 'client' && !grantee.client.isActive)
    return `${grantee.client.name} is disabled and gets no token. Enable: npx signet client enable ${grantee.client.clientId}`;
  if (grantee.kind !== 'user') return '';
  const { user } = grantee;
  if (!user.isActive)
    return `${user.username} is inactive and may do nothing. Activate: npx signet user activate ${user.username}`;
  return user.isSuperuser ? `${user.username} is a superuser: has_perm answers yes to every name.` : '';
}
