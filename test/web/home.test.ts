import { makeUnusable } from '../../src/passwords/index.ts';
import { createSetupSecret } from '../../src/signin/index.ts';
import { html } from '../../src/ui/html.ts';
import { createUser, User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

await onEachEngine(t, async (t, db) => {
  const { app, clock, http } = await openWorld(db);
  const page = (token: string) => http.get(`/setup?token=${token}`);
  const submit = (fields: Record<string, string>) => http.form('/setup', fields);
  const fields = { username: 'chief', email: '', password: 'a phrase for the chief' };

  await t.test(
    'docs/commands.md: GET shows the form any number of times; the answer is closed to scripts and frames',
    async (t) => {
      const secret = (await createSetupSecret(db.fork(), clock.now())) as string;
      for (let i = 0; i < 3; i++) t.equal((await page(secret)).statusCode, 200);
      const shown = await page(secret);
      t.match(
        shown.headers['content-security-policy'],
        /^default-src 'none';.*form-action 'self';.*frame-ancestors 'none'/,
      );
      t.same(
        [shown.headers['x-frame-options'], shown.headers['referrer-policy'], shown.headers['cache-control']],
        ['DENY', 'no-referrer', 'no-store'],
      );
      t.match(shown.body, /<label for="username">/);
    },
  );

  await t.test('docs/commands.md: a new link ends the old; an unknown one is 410', async (t) => {
    const old = (await createSetupSecret(db.fork(), clock.now())) as string;
    const current = (await createSetupSecret(db.fork(), clock.now())) as string;
    const gone = await page(old);
    t.equal(gone.statusCode, 410);
    t.match(gone.body, /npx signet setup-link/, 'which says how to get a new one');
    t.equal((await page('x')).statusCode, 410);
    t.equal((await page(current)).statusCode, 200);
    t.equal((await submit({ ...fields, token: old })).statusCode, 410);
  });

  await t.test('docs/commands.md: a link is good for 24 hours', async (t) => {
    const secret = (await createSetupSecret(db.fork(), clock.now())) as string;
    clock.pass(86_401);
    t.equal((await page(secret)).statusCode, 410);
    t.equal((await submit({ ...fields, token: secret })).statusCode, 410);
  });

  await t.test(
    'a refused field shows the form again with the errors and what was typed, and does not use the link up',
    async (t) => {
      const token = (await createSetupSecret(db.fork(), clock.now())) as string;
      const refused = await submit({ token, username: '<img src=x>', email: 'a@b', password: '1234' });
      t.equal(refused.statusCode, 422);
      t.match(refused.body, /too short/i);
      t.notMatch(refused.body, /<img/);
      t.notMatch(refused.body, /1234"/, 'a password is never shown again');
      const misnamed = await submit({ token, username: 'not allowed', email: '', password: fields.password });
      t.match(misnamed.body, /value="not allowed"/);
      t.same(
        misnamed.body.match(/<input id="\w+"(?=[^>]* autofocus)/g),
        ['<input id="username"'],
        'the focus is on the field to mend',
      );
      const tooShort = await submit({ token, username: 'chief', email: '', password: '1234' });
      t.same(tooShort.body.match(/<input id="\w+"(?=[^>]* autofocus)/g), ['<input id="password"']);
      t.equal((await page(token)).statusCode, 200);
      t.equal((await submit({ token: `${token}`, ...fields, password: '' })).statusCode, 422);
      t.equal((await http.form('/setup', `token=${token}&token=x`)).statusCode, 400, 'a field twice');
      t.equal((await http.json('/setup', fields)).statusCode, 415, 'JSON is no form');
    },
  );

  await t.test(
    'docs/commands.md: of 8 simultaneous submissions one makes the administrator; then the link is gone',
    async (t) => {
      const token = (await createSetupSecret(db.fork(), clock.now())) as string;
      const before = await page('x');
      const statuses = (
        await Promise.all(Array.from({ length: 8 }, (_, i) => submit({ ...fields, token, username: `chief${i}` })))
      ).map((one) => one.statusCode);
      t.equal(statuses.filter((one) => one === 201).length, 1, statuses.join(' '));
      t.ok(statuses.every((one) => one === 201 || one === 410));
      const [chief] = await db.fork().find(User, { isSuperuser: true });
      t.match(chief, { isStaff: true, isActive: true });
      const gone = await page(token);
      t.equal(gone.statusCode, 410);
      t.match(gone.body, /href="[^"]+\/login"/);
      t.equal(gone.body, before.body, 'a stranger does not learn whether there is an administrator');
      t.equal(await createSetupSecret(db.fork(), clock.now()), null, 'and there is no link while there is a superuser');
    },
  );

  await t.test('docs/commands.md: the redemption itself demands that no superuser exists', async (t) => {
    await db.fork().nativeUpdate(User, { isSuperuser: true }, { isSuperuser: false });
    const token = (await createSetupSecret(db.fork(), clock.now())) as string;
    await createUser(db.fork(), audit(), { username: 'made-meanwhile', password: makeUnusable(), isSuperuser: true });
    t.equal((await submit({ ...fields, token, username: 'late' })).statusCode, 410);
    t.equal(await db.fork().count(User, { username: 'late' }), 0);
  });

  await t.test('the home page, the probes and the keys respond', async (t) => {
    for (const url of ['/', '/health/live', '/health/started', '/health/ready', '/.well-known/jwks.json'])
      t.equal((await app.inject(url)).statusCode, 200, url);
    t.match((await app.inject('/')).body, /<title>Signet<\/title>/, 'the name once');
    const keys = await app.inject('/.well-known/jwks.json');
    t.match(keys.headers, {
      'cache-control': 'public, max-age=300',
      etag: /^"[\w-]+"$/,
      'access-control-allow-origin': '*',
    });
    t.same(Object.keys(keys.json().keys[0]).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use'], 'K1: no private part');
    const again = await app.inject({
      url: '/.well-known/jwks.json',
      headers: { 'if-none-match': keys.headers['etag'] as string },
    });
    t.same([again.statusCode, again.body], [304, '']);
  });
});

t.test('html escapes everything but Html', async (t) => {
  t.equal(
    String(html`<p title="${'"\'<&>'}">${['<b>', html`<i>`, null, false, 1]}</p>`),
    '<p title="&#34;&#39;&#60;&#38;&#62;">&#60;b&#62;<i>1</p>',
  );
});
