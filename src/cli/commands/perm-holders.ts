import { clientsWithPerm } from '../../oauth/index.ts';
import { findPermissionRef, type PermSource } from '../../permissions/index.ts';
import { usersWithPerm } from '../../users/index.ts';
import { isSet, optionText, type RunOnDatabase } from '../command.ts';
import { pageLimit, requireApi, requiredOption } from './options.ts';
import { rows, yesNo } from './text.ts';

/** Django's `User.objects.with_perm`. An unregistered name is a valid question: superusers have it. */
export const permHolders: RunOnDatabase = async (context, input) => {
  const audience = requiredOption(input, 'api');
  const limit = pageLimit(input);
  const after = optionText(input, 'after');
  const withInactive = isSet(input, 'include-inactive');
  const withSuperusers = !isSet(input, 'no-superusers');
  const [name = ''] = input.positionals;
  const now = context.clock.now();
  const em = context.db.fork();
  const api = await requireApi(context, em, audience);
  const permission = await findPermissionRef(em, api, name);
  // One more than the page shows whether there are more.
  const options = { withInactive, withSuperusers, after, limit: limit + 1 };
  const matches = await usersWithPerm(em, permission, options, now);
  const users = matches.slice(0, limit);
  const next = matches.length > limit ? (users.at(-1)?.username ?? null) : null;
  // Clients are on the first page.
  const clients = after === undefined ? await clientsWithPerm(em, permission, withInactive, now) : [];
  const holders = [
    ...users.map(({ username, ...one }) => ({ kind: 'user', name: username, ...one })),
    ...clients.map(({ client, sources }) => ({
      kind: 'client',
      name: client.name,
      isActive: client.isActive,
      sources,
    })),
  ];
  const lines = holders.map((one) => [one.kind, one.name, yesNo(one.isActive), one.sources.map(sourceText).join(', ')]);
  const text = [
    lines.length === 0 ? `Nobody has ${name} at ${api.audience}.` : rows(['KIND', 'NAME', 'ACTIVE', 'FROM'], lines),
    permission.id === null ? `${api.audience} has no permission "${name}": nobody but a superuser has it.` : '',
    next === null ? '' : `There are more: add --after ${next}`,
  ];
  return {
    data: {
      audience: api.audience,
      permission: name,
      is_registered: permission.id !== null,
      users: users.map(({ id, username, isActive, sources }) => ({ id, username, is_active: isActive, sources })),
      clients: clients.map(({ client, sources }) => ({
        client_id: client.clientId,
        name: client.name,
        is_active: client.isActive,
        sources,
      })),
      next_after: next,
    },
    text: text.filter(Boolean).join('\n'),
  };
};

export function sourceText({ from, group }: PermSource): string {
  if (from === 'group') return `group "${group}"`;
  return from === 'user' ? 'given directly' : 'superuser';
}
