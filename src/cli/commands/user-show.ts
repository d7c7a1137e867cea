import { readGroups, readRoles } from '../../permissions/index.ts';
import { getUser, listUsers } from '../../users/index.ts';
import { optionText, type RunOnDatabase } from '../command.ts';
import { pageLimit } from './options.ts';
import { fields, rows, when, yesNo } from './text.ts';
import { userAndArguments } from './user-options.ts';
import { passwordSummary, wireUser } from './user-text.ts';

export const userList: RunOnDatabase = async ({ db }, input) => {
  const limit = pageLimit(input);
  const after = optionText(input, 'after');
  // One more than the page shows whether there are more.
  const matches = await listUsers(db.fork(), { limit: limit + 1, ...(after === undefined ? {} : { after }) });
  const users = matches.slice(0, limit);
  const next = matches.length > limit ? (users.at(-1)?.username ?? null) : null;
  const lines = users.map((one) => [
    one.username,
    one.email,
    yesNo(one.isActive),
    yesNo(one.isStaff),
    yesNo(one.isSuperuser),
    when(one.lastLogin),
  ]);
  const page =
    users.length === 0
      ? 'There are no users here.'
      : rows(['USERNAME', 'E-MAIL', 'ACTIVE', 'STAFF', 'SUPERUSER', 'LAST LOGIN'], lines);
  const moreText =
    next === null
      ? ''
      : `\nThere are more: npx signet user list --after ${next}${limit === 100 ? '' : ` --limit ${limit}`}`;
  return { data: { users: users.map(wireUser), next_after: next }, text: page + moreText };
};

export const userShow: RunOnDatabase = async ({ db }, input) => {
  const em = db.fork();
  const user = await getUser(em, userAndArguments(input).user);
  const groups = (await readGroups(em, user.id)).map((one) => one.name);
  const roles = await readRoles(em, user.id);
  const summary = passwordSummary(user.password);
  const attributes = Object.keys(user.attributes);
  const apis = roles.map((one) => ({ audience: one.audience, is_staff: one.isStaff, is_superuser: one.isSuperuser }));
  const password = Object.fromEntries(
    Object.entries(summary).map(([name, value]) => [name.replaceAll(' ', '_'), value]),
  );
  return {
    data: { user: { ...wireUser(user), attributes: user.attributes }, groups, apis, password },
    text: fields([
      ['Username', user.username],
      ['Id', user.id],
      [
        'E-mail',
        user.email === '' ? '(none)' : `${user.email} (${user.emailVerifiedAt ? 'verified' : 'not verified'})`,
      ],
      ['Name', [user.firstName, user.lastName].filter(Boolean).join(' ') || '(none)'],
      ['Active', yesNo(user.isActive)],
      ['Staff', yesNo(user.isStaff)],
      ['Superuser', yesNo(user.isSuperuser)],
      [
        'At APIs',
        roles.map(
          (one) =>
            `${one.audience}: ${[one.isStaff ? 'staff' : '', one.isSuperuser ? 'superuser' : ''].filter(Boolean).join(', ')}`,
        ),
      ],
      ['Groups', groups],
      ['Password', Object.entries(summary).map(([name, value]) => `${name}: ${value}`)],
      ['Joined', when(user.dateJoined)],
      ['Last login', when(user.lastLogin)],
      ...(attributes.length > 0 ? [['Attributes', `${attributes.join(', ')} (values: --json)`] as const] : []),
    ]),
  };
};
