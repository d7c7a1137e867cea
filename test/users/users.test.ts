import { randomUUID } from 'node:crypto';
import { makeUnusable } from '../../src/passwords/index.ts';
import { createUser, deleteUser, findUser, getUser, renameUser, User, updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';

await onEachEngine(t, async (t, db) => {
  const make = async (username: string, email = '') => {
    const fields = { username, email, isEmailVerified: email !== '', password: makeUnusable() };
    const user = await createUser(db.fork(), audit(), fields);
    if (!(user instanceof User)) throw new Error(JSON.stringify(user));
    return user;
  };
  const ann = await make('ann', 'ann@example.test');
  const ben = await make('ben');

  await t.test('docs/commands.md: a change with an error in a field returns it, and changes no field', async (t) => {
    const change = { firstName: 'Ben', email: 'ANN@example.test', isEmailVerified: true };
    t.same(await updateUser(db.fork(), audit(), ben, change), [{ pointer: '/email', code: 'unique' }]);
    t.same(await updateUser(db.fork(), audit(), ben, { firstName: 'Ben', isEmailVerified: true }), [
      { pointer: '/email', code: 'required' },
    ]);
    t.same(await updateUser(db.fork(), audit(), ben, { lastName: 'x'.repeat(151), email: 'nowhere' }), [
      { pointer: '/email', code: 'invalid' },
      { pointer: '/last_name', code: 'max_length', params: { max: 150 } },
    ]);
    t.match(await findUser(db.fork(), 'ben'), { firstName: '', lastName: '', email: '', emailVerifiedAt: null });
    t.same(await renameUser(db.fork(), audit(), ben, 'ANN'), [{ pointer: '/username', code: 'unique' }]);
  });

  await t.test('docs/users.md: an id is never read as a name, nor a name as an id; a near name is named', async (t) => {
    const none = randomUUID();
    for (const [ref, code, params] of [
      ['anna', 'user_not_found', { username: 'anna', near: 'ann' }],
      ['someone else', 'user_not_found', { username: 'someone else', near: null }],
      [ann.id, 'user_id_as_username', { id: ann.id }],
      [{ id: 'ann' }, 'user_id_invalid', { id: 'ann' }],
      [{ id: none.toUpperCase() }, 'user_id_not_found', { id: none }],
    ] as const)
      await t.rejects(getUser(db.fork(), ref), { name: 'DomainError', code, params }, JSON.stringify(ref));
  });

  await t.test('docs/decisions/0004-deleting-a-user.md: a deleted user is absent to every change', async (t) => {
    await deleteUser(db.fork(), audit(), ben);
    const gone = { name: 'DomainError', code: 'user_deleted_meanwhile' };
    await t.rejects(updateUser(db.fork(), audit(), ben, { firstName: 'Ben' }), gone);
    await t.rejects(renameUser(db.fork(), audit(), ben, 'benjamin'), gone);
    await t.rejects(deleteUser(db.fork(), audit(), ben), gone);
  });
});
