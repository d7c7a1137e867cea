import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeDump } from '../../../src/imports/django/index.ts';
import { readPassword } from '../../../src/passwords/index.ts';
import { readGroups } from '../../../src/permissions/index.ts';
import { findUser, User } from '../../../src/users/index.ts';
import { openTestEmbedded, root } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { catchRefusal, readPermissions, runImport } from './dumps.ts';

// docs/guides/django-import.md, with dumps that Django itself wrote a moment ago.

const python = '/usr/bin/python3';
const hasDjango = spawnSync(python, ['-c', 'import django']).status === 0;
const skip = !hasDjango && 'python3-django is not installed';

t.test('Django dumpdata: a user model of its own, rehearsed and cut over', { skip }, async (t) => {
  const folder = t.testdir();
  const made = spawnSync(python, [join(root, 'test/imports/django/django_project.py'), folder], { encoding: 'utf8' });
  t.equal(made.status, 0, made.stderr);
  const read = (name: string) => decodeDump(readFileSync(join(folder, name)), name, 'club.person');
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const options = { audience: 'club', userModel: 'club.Person' };
  t.match(await catchRefusal(runImport(db, read('before.json'), options)), {
    code: 'username_field_ambiguous',
    params: { candidates: ['username', 'email'] },
  });
  const first = await runImport(db, read('before.json'), { ...options, usernameField: 'email' });
  t.match(first, {
    users: { created: 4 },
    unmapped: [],
    emails: { verified: 2 },
    unkept: [{ code: 'attribute_not_a_number', params: { field: 'score' } }],
    source: { usernameField: 'email', through: [{ model: 'club.membership', records: 2, ignored: ['role'] }] },
    attributes: { username: 4, score: 3 },
    unknownModels: {},
  });
  const user = async (index: number) => (await findUser(db.fork(), `müller${index}@club.test`)) as User;
  t.same(
    (await readGroups(db.fork(), (await user(0)).id)).map((one) => one.name),
    ['می‌نویسند'],
  );
  t.same(await readPermissions(db, 'Müller1@club.test', 'club'), ['club.add_membership']);
  const { password } = await db.fork().findOneOrFail(User, (await user(3)).id, { populate: ['password'] });
  t.equal(await readPassword(password)?.verify(Buffer.from('correct horse')), true, 'the password is still the same');
  const second = await runImport(db, read('after.json'), {
    ...options,
    usernameField: 'email',
    existing: 'update',
    missing: 'deactivate',
  });
  t.match(second, { users: { created: 1, updated: 3, known: 0 }, missing: [{ code: 'missing_user_deactivated' }] });
  t.same(await Promise.all([0, 1, 2, 3].map(async (index) => (await user(index)).isActive)), [
    false,
    true,
    true,
    false,
  ]);
  t.same(await readPermissions(db, 'Müller1@club.test', 'club'), []);
  t.match(await runImport(db, read('after.json'), { ...options, usernameField: 'email', existing: 'update' }), {
    importId: null,
  });
});
