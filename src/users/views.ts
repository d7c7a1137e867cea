import { view } from '../platform/database/index.ts';

// What statements of other rooms may read, and lock, of users. Passwords are not among it.

export const userView = view(
  'users_user',
  ...['id', 'username', 'username_key', 'email', 'email_key', 'email_verified_at', 'first_name', 'last_name'],
  ...['is_active', 'is_staff', 'is_superuser', 'password_epoch', 'deleted_at'],
);

/** Condition: the user `u` is active. */
export const activeUser = (u = 'u') => `${u}.is_active`;

/** Condition: the user `u` is active, and has the password of the time when `of` began: a session, a grant, a code. */
export const activeUserSince = (of: string, u = 'u') =>
  `${activeUser(u)} and ${u}.password_epoch = ${of}.password_epoch`;

/** Select: the active user of a row `a` of `rows` with a `principal_id` and the password of then, unchanged until the transaction ends. */
export const lockActiveUserOf = (rows: string) =>
  `select u.id from ${rows} a join users_user u on u.id = a.principal_id and ${activeUserSince('a')} for share of u`;
