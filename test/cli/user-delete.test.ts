import { AuditEntry } from '../../src/audit/index.ts';
import { isUsable } from '../../src/passwords/index.ts';
import { findApi, Principal, readRights } from '../../src/permissions/index.ts';
import { casefoldName } from '../../src/platform/casefold.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { logIn, setPassword } from '../../src/signin/index.ts';
import { findUser, User, updateUser, userPrincipal } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { startApp, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { answeringTerminal, GOOD_PASSWORD, lastEntry, openCliHarness } from './harness.ts';

const polls = 'audience: polls\napps: {polls: {models: [question], permissions: {publish_poll: Can publish poll}}}';

/** Texts that say who somebody was, in every place that has some. */
const PERSONAL = ['zacharias', 'zach@personal.test', 'Zachary', 'Quimby', '203.0.113.77', 'ZachBrowser'];

/** Tables with a row that holds one of these texts, the two logs left out: what was done stays told. */
async function tablesWith(db: Database, texts: readonly string[]): Promise<string[]> {
  const em = db.fork();
  const tables = await em.execute<{ name: string }[]>(
    "select table_name as name from information_schema.tables where table_schema = 'public' and table_name not like 'audit_%'",
  );
  const found: string[] = [];
  for (const { name } of tables)
    for (const text of texts) {
      const rows = await em.execute<{ row: string }[]>(
        `select t::text as row from ${name} t where position(lower(?) in lower(t::text)) > 0`,
        [text],
      );
      if (rows.length > 0) found.push(`${name}: ${rows[0]?.row}`);
    }
  return found;
}

t.test('user delete', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    const { app, clock } = await startApp(db, { clock: testClock(new Date()) });
    t.teardown(() => app.close());
    const login = (username: string) =>
      app.inject({
        method: 'POST',
        url: '/api/v1/login',
        payload: { username, password: GOOD_PASSWORD, audience: 'polls' },
        headers: { 'user-agent': 'ZachBrowser/1' },
        remoteAddress: '203.0.113.77',
      });
    const hasPerm = (token: string) =>
      app.inject({
        method: 'POST',
        url: '/api/v1/has_perm',
        headers: { authorization: `Bearer ${token}` },
        payload: { perms: ['polls.publish_poll'] },
      });
    await cliHarness.json('api sync f', { file: polls });
    await cliHarness.json('group create editors');
    await cliHarness.json('perm grant --group editors --api polls polls.publish_poll');
    const make = async () => {
      await cliHarness.json(
        'user create zacharias --email zach@personal.test --first-name Zachary --last-name Quimby --staff --password-stdin',
        { stdin: GOOD_PASSWORD },
      );
      await cliHarness.json('group add editors zacharias');
      await cliHarness.json('perm grant --user zacharias --api polls polls.add_question');
      const user = (await findUser(db.fork(), 'zacharias')) as User;
      await db.fork().nativeUpdate(User, user.id, { attributes: { nickname: 'Zachary' } });
      return user;
    };
    const zach = await make();
    const first = await login('zacharias');
    t.equal(first.statusCode, 200);
    const token = first.json().access_token as string;
    const operators = (await cliHarness.run('token issue --user zacharias --api polls')).stdout.trim();
    t.same((await hasPerm(token)).json().results, { 'polls.publish_poll': true });
    const cookie = `${first.cookies[0]?.name}=${first.cookies[0]?.value}`;

    await t.test(
      'docs/commands.md: without --yes it says what goes and asks for the name; else nothing is done',
      async (t) => {
        const before = await cliHarness.counts();
        t.match(await cliHarness.run('user delete zacharias'), { exit: 2, stdout: '', stderr: /--yes/ });
        const other = answeringTerminal('zach');
        const given = await cliHarness.run('user delete zacharias', { terminal: other });
        t.match(given, { exit: 1, stdout: '', stderr: /Nothing was deleted/ });
        t.same(other.prompts, ['Type zacharias to continue: ']);
        t.match(
          cliHarness.progress.at(-1),
          /Username +zacharias[\s\S]*Groups +editors[\s\S]*Sessions +1[\s\S]*cannot be undone/,
        );
        t.match(await cliHarness.run('user delete nobody', { terminal: answeringTerminal() }), {
          exit: 3,
          stderr: /no user "nobody"/,
        });
        t.match(await cliHarness.json('user delete nobody', { terminal: answeringTerminal() }, 3), {
          error: { kind: 'notFound' },
        });
        t.same(await cliHarness.counts(), before);
      },
    );

    await t.test(
      'docs/commands.md: a deleted user is dead at has_perm, at the session and at login at once',
      async (t) => {
        const { permsVersion } = await db.fork().findOneOrFail(Principal, zach.id);
        const done = await cliHarness.run('user delete zacharias', { terminal: answeringTerminal('zacharias') });
        t.match(done, { exit: 0, stdout: /^Deleted the user zacharias: 1 session ended, 1 group left\./ });
        t.equal((await hasPerm(token)).statusCode, 401, 'a token of the session');
        t.equal((await hasPerm(operators)).statusCode, 401, 'a token without a session');
        const session = await app.inject({ url: '/api/v1/session', headers: { cookie } });
        t.match(session.json(), { is_authenticated: false });
        t.equal((await login('zacharias')).statusCode, 401);
        t.ok((await db.fork().findOneOrFail(Principal, zach.id)).permsVersion > permsVersion);
        const api = await findApi(db.fork(), 'polls');
        const row = await db.fork().findOneOrFail(User, zach.id);
        const rights = await readRights(db, { ...userPrincipal(row), isActive: true }, api?.id as string, clock.now());
        t.same([...rights.permissions], [], 'nothing is held, active or not');
        t.match(await cliHarness.run('token verify -', { stdin: token }), {
          exit: 1,
          stderr: /its user was deleted/,
        });
      },
    );

    await t.test('docs/commands.md: everything that says who it was is erased; the id stays, marked', async (t) => {
      t.same(await tablesWith(db, PERSONAL), []);
      const row = await db.fork().findOneOrFail(User, zach.id);
      t.match(row, {
        username: `deleted:${zach.id}`,
        email: '',
        emailKey: null,
        firstName: '',
        lastName: '',
        attributes: {},
        lastLogin: null,
        isActive: false,
        isStaff: false,
        isSuperuser: false,
        deletedAt: Date,
      });
      t.notOk(isUsable(row.password));
      t.notSame(row.usernameKey, casefoldName(row.username), 'no spelling folds to it');
      t.match(await db.fork().find(Session, { user: zach.id }), [
        { endedReason: 'deleted', ip: null, userAgent: null },
      ]);
    });

    await t.test('decision 4: the entry keeps the id and what was held, and no name from here on', async (t) => {
      const entry = await lastEntry(db);
      t.match(entry, {
        action: 'delete',
        objectKind: 'user',
        objectId: zach.id,
        objectLabel: `deleted:${zach.id}`,
        actorLabel: 'cli:1000',
        before: { isActive: true, isStaff: true, isSuperuser: false, groups: ['editors'], permissions: 1 },
        after: { sessionsEnded: 1 },
      });
      t.notMatch(JSON.stringify(entry), /zach|quimby/i);
      const earlier = await db.fork().find(AuditEntry, { objectId: zach.id, objectLabel: 'zacharias' });
      t.ok(earlier.length > 0, 'what was done before stays as it was told');
    });

    await t.test(
      'docs/commands.md: a deleted user is in no list, and no name, not even the placeholder, finds it',
      async (t) => {
        t.same((await cliHarness.json('user list')).users, []);
        t.same((await cliHarness.json('group show editors')).members, []);
        const placeholder = (await db.fork().findOneOrFail(User, zach.id)).username;
        const before = await cliHarness.counts();
        for (const name of ['zacharias', placeholder, placeholder.toUpperCase(), zach.id])
          for (const words of [
            `user show ${name}`,
            `user activate ${name}`,
            `user update ${name} --email z@personal.test`,
            `user delete ${name} --yes`,
            `group add editors ${name}`,
            `perm grant --user ${name} --api polls polls.publish_poll`,
            `token issue --user ${name} --api polls`,
            `session list --user ${name}`,
            `changepassword ${name} --password-stdin`,
          ])
            t.match(await cliHarness.run(words, { stdin: GOOD_PASSWORD }), { exit: 3, stdout: '' }, words);
        t.same(await cliHarness.counts(), before);
        for (const name of [placeholder, placeholder.toUpperCase()]) {
          t.equal((await login(name)).statusCode, 401);
          t.match(await cliHarness.run(`user create ${name}`), { exit: 2 }, 'it cannot be anybody else’s name');
        }
      },
    );

    await t.test('docs/tokens.md: whoever takes the freed name is another user with another sub', async (t) => {
      const again = await make();
      t.not(again.id, zach.id);
      const second = await login('zacharias');
      t.equal(second.json().user.id, again.id);
      t.same((await hasPerm(second.json().access_token)).json().results, { 'polls.publish_poll': true });
      t.equal((await hasPerm(token)).statusCode, 401, 'the first one’s token is not good for the second');
      const { deleted, id, sessions_ended: ended, groups } = await cliHarness.json('user delete zacharias --yes');
      t.same({ deleted, id, ended, groups }, { deleted: true, id: again.id, ended: 1, groups: ['editors'] });
      t.equal(await db.fork().count(User, { deletedAt: { $ne: null } }), 2);
      t.equal((await login('zacharias')).statusCode, 401);
      t.same(await tablesWith(db, PERSONAL), []);
    });

    await t.test('docs/commands.md: of the last superuser it is said that none is left', async (t) => {
      await cliHarness.json('user create root --superuser');
      t.match(await cliHarness.run('user delete root --yes'), {
        exit: 0,
        stdout: /no superuser now.*npx signet createsuperuser/,
      });
    });

    await t.test(
      'docs/commands.md: of deletions and changes at once one order holds, and nothing comes back',
      async (t) => {
        for (let round = 0; round < 5; round++) {
          const user = await make();
          const life = { idleSeconds: 600, absoluteSeconds: 600 };
          const authenticated = { id: user.id, passwordEpoch: user.passwordEpoch, amr: ['pwd'] };
          const client = { ip: '203.0.113.77', userAgent: 'ZachBrowser', sessionToken: null };
          const request = { user: authenticated, password: GOOD_PASSWORD, life, client };
          const authentication = { clock } as never;
          const audit = { at: clock.now(), actor: { kind: 'system', id: null, label: 'test' } } as const;
          await Promise.allSettled([
            logIn(db, authentication, request),
            updateUser(db.fork(), audit, user, { firstName: 'Zachary', isActive: true }),
            db.fork().transactional((tx) => setPassword(tx, audit, user, 'new', null)),
            cliHarness.run('user delete zacharias --yes'),
            cliHarness.run('group remove editors zacharias'),
            cliHarness.run('perm grant --user zacharias --api polls polls.publish_poll'),
            logIn(db, authentication, request),
          ]);
          await cliHarness.run('user delete zacharias --yes');
          const row = await db.fork().findOneOrFail(User, user.id);
          t.match(row, { deletedAt: Date, isActive: false, firstName: '' });
          t.notOk(isUsable(row.password));
          t.equal(await db.fork().count(Session, { user: user.id, endedAt: null }), 0);
          const held = await db
            .fork()
            .execute<unknown[]>('select 1 from permissions_assignment where principal_id = ?', [user.id]);
          t.equal(held.length, 0);
          const networks = await db
            .fork()
            .execute<unknown[]>('select 1 from signin_familiar_network where user_id = ?', [user.id]);
          t.equal(networks.length, 0);
        }
        t.same(await tablesWith(db, PERSONAL), []);
      },
    );
  }),
);
