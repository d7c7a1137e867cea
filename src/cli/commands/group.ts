import {
  addMembers,
  createGroup,
  deleteGroup,
  type Group,
  getGroup,
  listGroupPermissions,
  listGroups,
  listMembers,
  type PrincipalLabel,
  removeMembers,
  renameGroup,
} from '../../permissions/index.ts';
import { lockUser, readUsernames } from '../../users/index.ts';
import type { Context, Input, Output, RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { requiredOption } from './options.ts';
import { fields, names, pluralize } from './text.ts';
import { usersAfterFirst } from './user-options.ts';

export const groupCreate: RunOnDatabase = async (context, input) => {
  const group = await transaction(context, (tx) => createGroup(tx, context.audit(), input.positionals[0] as string));
  return { data: { group: wireGroup(group) }, text: `Created the group "${group.name}".` };
};

export const groupList: RunOnDatabase = async ({ db }) => {
  const groups = await listGroups(db.fork());
  return {
    data: { groups: groups.map(wireGroup) },
    text: groups.map((one) => one.name).join('\n') || 'There are no groups.',
  };
};

export const groupShow: RunOnDatabase = async ({ db, clock }, input) => {
  const em = db.fork();
  const group = await getGroup(em, input.positionals[0] as string);
  const members = [...(await readUsernames(em, await listMembers(em, group.id))).values()];
  const permissions = await listGroupPermissions(em, group.id, clock.now());
  return {
    data: { group: wireGroup(group), members, permissions },
    text: fields([
      ['Name', group.name],
      ['Id', group.id],
      ['Members', members.length === 0 ? '(none)' : `${members.length}: ${names(members)}`],
      ['Permissions', permissions.map((one) => `${one.audience}: ${one.name}`)],
    ]),
  };
};

export const groupUpdate: RunOnDatabase = async (context, input) => {
  const name = requiredOption(input, 'name');
  const { before, group } = await transaction(context, async (tx) => {
    const existing = await getGroup(tx, input.positionals[0] as string);
    const before = existing.name;
    return { before, group: await renameGroup(tx, context.audit(), existing, name) };
  });
  const isSame = before === group.name;
  const text = isSame
    ? `The group is called "${before}" already.`
    : `Renamed the group "${before}" to "${group.name}".`;
  return { data: { group: wireGroup(group), before }, text };
};

export const groupAdd: RunOnDatabase = (context, input) =>
  changeMembers(context, input, addMembers, (group, changed, others) => ({
    data: { group, added: changed, already_members: others },
    text: [
      changed.length > 0 ? `Added to "${group}": ${changed.join(', ')}.` : '',
      others.length > 0 ? `Members already: ${others.join(', ')}.` : '',
    ],
  }));

export const groupRemove: RunOnDatabase = (context, input) =>
  changeMembers(context, input, removeMembers, (group, changed, others) => ({
    data: { group, removed: changed, not_members: others },
    text: [
      changed.length > 0 ? `Removed from "${group}": ${changed.join(', ')}.` : '',
      others.length > 0 ? `Were no members: ${others.join(', ')}.` : '',
    ],
  }));

export const groupDelete: RunOnDatabase = async (context, input) => {
  const { group, members } = await transaction(context, async (tx) => {
    const existing = await getGroup(tx, input.positionals[0] as string);
    const count = (await listMembers(tx, existing.id)).length;
    const { name } = existing;
    await deleteGroup(tx, context.audit(), existing);
    return { group: name, members: count };
  });
  return {
    data: { deleted: group, members },
    text: `Deleted the group "${group}". It had ${pluralize(members, 'member')}.`,
  };
};

type MemberOperation = typeof addMembers;

async function changeMembers(
  context: Context,
  input: Input,
  operation: MemberOperation,
  describe: (group: string, changed: string[], others: string[]) => { data: unknown; text: string[] },
): Promise<Output> {
  const [name = ''] = input.positionals;
  const { group, users, changed } = await transaction(context, async (tx) => {
    const existing = await getGroup(tx, name);
    const labelsById = new Map<string, PrincipalLabel>();
    for (const ref of usersAfterFirst(input)) {
      const user = await lockUser(tx, ref);
      labelsById.set(user.id, { id: user.id, label: user.username });
    }
    const labels = [...labelsById.values()];
    return { group: existing.name, users: labels, changed: await operation(tx, context.audit(), existing, labels) };
  });
  const ids = new Set(changed.map((one) => one.id));
  const labelsWhere = (isChanged: boolean) =>
    users.filter((one) => ids.has(one.id) === isChanged).map((one) => one.label);
  const { data, text } = describe(group, labelsWhere(true), labelsWhere(false));
  return { data, text: text.filter(Boolean).join('\n') };
}

function wireGroup(group: Group) {
  return { id: group.id, name: group.name };
}
