import { AuditEvent } from '../src/audit/index.ts';
import { importDjango } from '../src/imports/django/index.ts';
import { verifyAccessToken } from '../src/tokens/index.ts';
import { User } from '../src/users/index.ts';
import { onEachEngine } from './support/database.ts';
import { audit, djangoDump, djangoOracle, ISSUER, startApp } from './support/server.ts';
import t from './support/tap.ts';

// The main job: a Django project's users log in with their old passwords, get a token with their permissions, and has_perm
// answers as Django did. The oracle is what Django 3.2 itself said about the database of the dump.

await onEachEngine(t, async (t, db) => {
  const { app, keys, clock } = await startApp(db);
  const input = {
    text: djangoDump(),
    file: 'dump.json',
    audience: 'polls-site',
    dryRun: false,
    existing: 'fail',
    superusers: 'api',
    trustEmails: false,
  } as const;
  await importDjango(db, audit(), input, () => {});
  const { users } = djangoOracle();
  t.equal(users.length, 60);

  const login = (username: string, password: string) =>
    app.inject({ method: 'POST', url: '/api/v1/login', payload: { username, password, audience: 'polls-site' } });
  const ask = (token: string, perms: string[], modules: string[]) =>
    app.inject({
      method: 'POST',
      url: '/api/v1/has_perm',
      payload: { perms, modules },
      headers: { authorization: `Bearer ${token}` },
    });
  const stored = async (username: string) => (await db.fork().findOneOrFail(User, { username })).password;

  for (const user of users) {
    const { username, password } = user;
    const before = await stored(username);
    if (!user.is_active || password === null) {
      const refused = await login(username, password ?? '');
      t.same(
        [refused.statusCode, refused.json().code],
        [401, 'invalid_credentials'],
        `${username} (${user.is_active ? 'unusable password' : 'inactive'}) meets the one refusal`,
      );
      t.equal(await stored(username), before, 'and its password stays as it is');
      continue;
    }
    await t.test(
      `${username} (${user.algorithm}) logs in with the old password and may do what Django said`,
      async (t) => {
        const response = await login(username, password);
        t.equal(response.statusCode, 200);
        const claims = verifyAccessToken(keys, ISSUER, response.json().access_token, clock.now());
        t.same(claims?.permissions, [...user.get_all_permissions].sort(), 'permissions = get_all_permissions');
        t.same(
          [claims?.is_superuser, claims?.is_staff, claims?.username],
          [user.is_superuser, user.is_staff, username],
        );
        const answers = (
          await ask(response.json().access_token, Object.keys(user.has_perm), Object.keys(user.has_module_perms))
        ).json();
        t.same(
          answers,
          { results: user.has_perm, modules: user.has_module_perms },
          'has_perm and has_module_perms, the odd names included',
        );

        const after = await stored(username);
        if (user.algorithm === 'argon2') t.equal(after, before, 'a hash at least as strong as ours is kept');
        else t.match(after, /^argon2id_nfkc\$v=19\$m=19456,t=2,p=1\$/, 'the hash is upgraded by that login');
        t.equal((await login(username, password)).statusCode, 200, 'and the password still works');
        t.equal((await login(username, `${password} `)).statusCode, 401, 'but no other');
      },
    );
  }
  const upgrades = users.filter((one) => one.is_active && one.password !== null && one.algorithm !== 'argon2').length;
  t.equal(await db.fork().count(AuditEvent, { kind: 'password_upgraded' }), upgrades, 'each upgrade is an event');
  t.equal(
    await db.fork().count(User, { isSuperuser: true }),
    0,
    'a superuser of the project is superuser of that API only',
  );
});
