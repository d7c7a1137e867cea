import t from 'tap';
import { onEachEngine } from '../support/database.ts';
import { lastEntry, openDesk } from './desk.ts';

const polls = 'audience: polls\napps: {polls: {models: [choice]}}';

t.test('client', (t) =>
  onEachEngine(t, async (t, db) => {
    const desk = await openDesk(db);
    await desk.json('api sync f', { file: polls });
    await desk.json('api create shop');

    await t.test('contract §8: client create prints client_id and client_secret once', async (t) => {
      const made = await desk.json('client create Worker --preset service --api polls --serves polls --serves shop');
      t.match(made, { client_id: /^c_[\w-]{22}$/, client_secret: /^[\w-]{43}$/, name: 'Worker', preset: 'service' });
      t.match(await lastEntry(db), {
        action: 'add',
        objectKind: 'client',
        objectLabel: `Worker (${made.client_id})`,
        after: { requests: ['polls'], serves: ['polls', 'shop'] },
      });
      t.notMatch(JSON.stringify(await lastEntry(db)), made.client_secret);
      for (const words of ['client list', 'client show Worker', 'client list --json', 'client show Worker --json'])
        t.notMatch((await desk.run(words)).stdout, made.client_secret, `${words} never shows the secret`);
      t.match(await desk.json('client show worker'), {
        client_id: made.client_id,
        is_active: true,
        is_first_party: false,
        auth_method: 'client_secret',
        grant_types: ['client_credentials'],
        requests: ['polls'],
        serves: ['polls', 'shop'],
        secrets: [{ ends_at: null }],
      });
      const open = await desk.run('client create App --preset spa --redirect-uri https://app.example/cb --api polls');
      t.match(open, { exit: 0, stdout: /^client_id {6}c_[\w-]{22}\nA public client: it has no secret\.\n$/ });
    });

    await t.test('contract §8: update replaces the lists that are given, and keeps the others', async (t) => {
      t.match(await desk.json('client update Worker --serves shop --first-party on --name Helper'), {
        name: 'Helper',
        is_first_party: true,
        requests: ['polls'],
        serves: ['shop'],
      });
      t.match(await lastEntry(db), {
        before: { name: 'Worker', serves: ['polls', 'shop'] },
        after: { name: 'Helper', serves: ['shop'], isFirstParty: true },
      });
    });

    await t.test('contract §8: rotate-secret, disable, enable, delete', async (t) => {
      const { client_secret: second } = await desk.json('client rotate-secret Helper');
      t.match(second, /^[\w-]{43}$/);
      t.equal((await desk.json('client show Helper')).secrets.length, 2, 'two are good at once');
      await desk.json('client rotate-secret Helper --now');
      t.equal((await desk.json('client show Helper')).secrets.length, 1);
      t.match(await desk.json('client disable Helper'), { is_active: false });
      t.match(await desk.run('token issue --client Helper --api polls'), { exit: 4, stderr: /client enable/ });
      t.match(await desk.json('client enable Helper'), { is_active: true });
      t.match(await desk.run('client rotate-secret App'), { exit: 4, stderr: /public/ });
      t.match(await desk.json('client delete App'), { deleted: true });
      t.match(await desk.run('client show App'), { exit: 3, stderr: /no client "App"/ });
    });

    await t.test('contract §8: permissions of a client, and a token issued for it', async (t) => {
      t.match(await desk.json('perm grant --client Helper --api polls polls.view_choice'), {
        granted: ['polls.view_choice'],
      });
      t.match(await desk.json('perm list --client Helper --explain'), {
        permissions: [{ audience: 'polls', name: 'polls.view_choice', from: 'user', group: null }],
      });
      const { access_token } = await desk.json('token issue --client Helper --api polls');
      t.match(await desk.json('token verify -', { stdin: access_token }), {
        active: true,
        claims: { sub: /^c_/, permissions: ['polls.view_choice'] },
      });
      t.match(await desk.run('token verify -', { stdin: access_token }), { exit: 0, stdout: /Client +c_/ });
      await desk.json('client disable Helper');
      t.match(await desk.run('token verify -', { stdin: access_token }), {
        exit: 1,
        stderr: /its client Helper is disabled/,
      });
      await desk.json('client enable Helper');
      t.match(await desk.json('perm revoke --client Helper --api polls polls.view_choice'), {
        revoked: ['polls.view_choice'],
      });
    });

    await t.test('contract §8: a client command that fails changes nothing and has its own exit code', async (t) => {
      const before = await desk.counts();
      for (const [words, exit, stderr] of [
        ['client create X', 2, /--preset is missing/],
        ['client create X --preset magic', 2, /--preset takes web or spa/],
        ['client create X --preset web', 2, /needs --redirect-uri/],
        ['client create X --preset web --redirect-uri http://a.example', 2, /no redirect URI/],
        ['client create helper --preset service', 4, /already/],
        ['client create X --preset service --api nowhere', 3, /no API nowhere/],
        ['client create X --preset service --api polls --api polls', 2, /twice/],
        ['client update Nobody --name Y', 3, /no client "Nobody"/],
        ['client update Helper --first-party maybe', 2, /takes on or off/],
        ['client delete Nobody', 3, /no client/],
        ['perm grant --client Helper --user x --api polls polls.view_choice', 2, /a user, a group or a client/],
        ['token issue --client Helper --user x --api polls', 3, /no user "x"/],
      ] as const)
        t.match(await desk.run(words), { exit, stderr }, words);
      t.same(await desk.counts(), before);
    });
  }),
);
