import { AuditEntry } from '../../src/audit/index.ts';
import { isUsable } from '../../src/passwords/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { createSession } from '../../src/sessions/open.ts';
import { findUser, type User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { answeringTerminal, type CliHarness, GOOD_PASSWORD, lastEntry, lastEvent, openCliHarness } from './harness.ts';

t.test('createsuperuser', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);

    await t.test(
      'docs/commands.md: it asks for a name, an address and twice for a password, and makes an administrator',
      async (t) => {
        const person = answeringTerminal(
          'no name',
          'root',
          'nowhere',
          'root@example.test',
          'one password',
          'another one',
          GOOD_PASSWORD,
          GOOD_PASSWORD,
        );
        const { user } = await cliHarness.json('createsuperuser', { terminal: person });
        t.match(user, {
          username: 'root',
          email: 'root@example.test',
          is_active: true,
          is_staff: true,
          is_superuser: true,
          last_login: null,
        });
        t.match(person.prompts, [
          'Username: ',
          /letters, digits.*Username: $/,
          /^E-mail/,
          /not an e-mail address.*E-mail/,
          'Password: ',
          'Password (again): ',
          /do not match.*Password: $/,
          'Password (again): ',
        ]);
        t.match(await lastEntry(db), {
          action: 'add',
          objectKind: 'user',
          objectLabel: 'root',
          actorLabel: 'cli:1000',
          actorKind: 'cli',
        });
      },
    );

    await t.test('docs/commands.md: what was given on the command line is not asked for', async (t) => {
      const person = answeringTerminal('', GOOD_PASSWORD, GOOD_PASSWORD);
      const { user } = await cliHarness.json('createsuperuser --username second --email second@example.test', {
        terminal: person,
      });
      t.equal(user.username, 'second');
      t.equal(person.prompts.length, 3);
    });

    await t.test(
      'docs/commands.md: a weak password is refused with every reason, without a way round (exit 2)',
      async (t) => {
        const before = await cliHarness.counts();
        for (const given of [{ stdin: 'wendy12\n' }, { terminal: answeringTerminal('wendy12', 'wendy12') }]) {
          const words = `createsuperuser --username wendy1 --email '' ${given.stdin ? '--password-stdin' : ''}`;
          const { error } = await cliHarness.json(words, given, 2);
          t.same(
            error.errors.map((one: { code: string }) => one.code),
            ['password_too_similar', 'password_too_short'],
          );
          t.match(error.message, /too short/);
        }
        t.same(await cliHarness.counts(), before);
      },
    );

    await t.test(
      'docs/configuration.md: --noinput reads SIGNET_SUPERUSER_USERNAME, _EMAIL and _PASSWORD',
      async (t) => {
        const environment = {
          SIGNET_SUPERUSER_USERNAME: 'ops',
          SIGNET_SUPERUSER_EMAIL: 'ops@example.test',
          SIGNET_SUPERUSER_PASSWORD: GOOD_PASSWORD,
        };
        const { user } = await cliHarness.json('createsuperuser --noinput', { environment });
        t.match(user, { username: 'ops', email: 'ops@example.test', is_superuser: true, is_staff: true });
        const again = await cliHarness.json('createsuperuser --noinput', { environment }, 4);
        t.match(again.error, { kind: 'conflict', errors: [{ field: 'username', code: 'unique' }] });
        const other = await cliHarness.json('createsuperuser --noinput --username ops2', { environment });
        t.equal(other.user.username, 'ops2', 'an option is stronger than a setting');
        const lacking = await cliHarness.json('createsuperuser --noinput', {}, 2);
        t.match(lacking.error.message, /SIGNET_SUPERUSER_USERNAME.*SIGNET_SUPERUSER_PASSWORD_FILE/);
      },
    );

    await t.test('docs/commands.md: without a terminal it says what to use instead (exit 2)', async (t) => {
      const result = await cliHarness.run('createsuperuser');
      t.match(result, { exit: 2, stdout: '', stderr: /no terminal.*--password-stdin.*--noinput/s });
      t.match(await cliHarness.run('createsuperuser --password-stdin', { stdin: GOOD_PASSWORD }), {
        exit: 2,
        stderr: /--username/,
      });
    });
  }),
);

t.test('user and changepassword', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);

    await t.test(
      'docs/commands.md: user create makes a user that nobody can log in as, until a password is set',
      async (t) => {
        const result = await cliHarness.run(
          "user create alice --email alice@example.test --first-name Alice --last-name 'van Dijk'",
        );
        t.match(result, { exit: 0, stdout: /Created the user alice\..*changepassword alice\n$/, stderr: '' });
        const alice = await findUser(db.fork(), 'ALICE');
        t.match(alice, {
          email: 'alice@example.test',
          firstName: 'Alice',
          lastName: 'van Dijk',
          isStaff: false,
          isSuperuser: false,
        });
        t.notOk(isUsable(alice?.password as string));
        t.match(await lastEntry(db), { action: 'add', objectKind: 'user', actorLabel: 'cli:1000' });
        const { user } = await cliHarness.json('user create bob --staff --superuser --password-stdin', {
          stdin: `${GOOD_PASSWORD}\r\n`,
        });
        t.match(user, { is_staff: true, is_superuser: true });
        t.ok(isUsable((await findUser(db.fork(), 'bob'))?.password as string));
      },
    );

    await t.test('docs/commands.md: a user command that fails changes nothing and has its own exit code', async (t) => {
      const before = await cliHarness.counts();
      const refusals: [string, number, RegExp, string?][] = [
        ['user create Alice', 4, /already exists/],
        ['user create a@b.test', 2, /letters, digits/],
        ['user create carol --email nowhere', 2, /not an e-mail address/],
        ['user create carol --password-stdin', 2, /too short/, 'short'],
        ['user create carol --password-stdin', 2, /input is empty/, '\n'],
        ['user create carol --password-stdin', 2, /more than one line/, `${GOOD_PASSWORD}\n${GOOD_PASSWORD}\n`],
        ['user create carol --password-stdin', 2, /at most 1,024 characters/, 'x'.repeat(1025)],
        ['user create', 2, /Usage: npx signet user create NAME/],
        ['user create carol dave', 2, /Usage: npx signet user create NAME/],
        ['user create carol --pasword-stdin', 2, /--pasword-stdin.*\n.*--password-stdin/],
        ['user show alcie', 3, /Did you mean "alice"\?/],
        ['user update alice', 2, /Say what to change/],
        ['user update alice --staff yes', 2, /--staff takes on or off, not "yes"/],
        ['user update alice --email nowhere', 2, /not an e-mail address/],
        ['user update nobody --staff on', 3, /no user "nobody"/],
        ['user deactivate nobody', 3, /no user "nobody"/],
        ['user list --limit 0', 2, /--limit takes 1 to 1000/],
        ['user list --limit ten', 2, /whole number/],
        ['user delete alice', 2, /--yes/],
        ['changepassword alice --password-stdin', 2, /too similar/, 'alice@example.test'],
        ['changepassword nobody --password-stdin', 3, /no user/, GOOD_PASSWORD],
        ['changepassword alice', 2, /no terminal/],
      ];
      for (const [words, exit, text, stdin] of refusals) {
        const result = await cliHarness.run(words, stdin === undefined ? {} : { stdin });
        t.match(result, { exit, stdout: '', stderr: text }, words);
        t.match(result.stderr, /^signet: /);
      }
      t.same(await cliHarness.counts(), before);
    });

    await t.test(
      'docs/commands.md: user update changes fields and flags, and the log has only what changed',
      async (t) => {
        const { user } = await cliHarness.json(
          "user update alice --email '' --last-name Dijk --staff on --superuser on",
        );
        t.match(user, {
          email: '',
          email_verified: false,
          first_name: 'Alice',
          last_name: 'Dijk',
          is_staff: true,
          is_superuser: true,
        });
        const entry = await lastEntry(db);
        t.same(entry.before, { email: 'alice@example.test', lastName: 'van Dijk', isStaff: false, isSuperuser: false });
        t.same(entry.after, { email: '', lastName: 'Dijk', isStaff: true, isSuperuser: true });
        await cliHarness.json('user update alice --staff off --superuser off');
        t.match(await findUser(db.fork(), 'alice'), { isStaff: false, isSuperuser: false });
      },
    );

    await t.test('docs/commands.md: changepassword sets a password and ends the sessions', async (t) => {
      const before = (await findUser(db.fork(), 'alice')) as User;
      await openSession(db, before);
      const person = answeringTerminal(GOOD_PASSWORD, GOOD_PASSWORD);
      t.match(await cliHarness.run('changepassword alice', { terminal: person }), {
        exit: 0,
        stdout: /Changed the password of alice/,
      });
      t.match(person.prompts, ['New password of alice: ', 'New password of alice (again): ']);
      const after = (await findUser(db.fork(), 'alice')) as User;
      t.equal(after.passwordEpoch, before.passwordEpoch + 1);
      t.match(await db.fork().findOne(Session, { user: after.id }), { endedReason: 'password_changed' });
      t.match(await lastEvent(db), { kind: 'password_changed', userId: after.id });
      t.same(await cliHarness.json('changepassword alice --password-stdin', { stdin: `${GOOD_PASSWORD}!` }), {
        username: 'alice',
        changed: true,
      });
    });

    await t.test('docs/commands.md: user deactivate ends the sessions, user activate lets in again', async (t) => {
      const alice = (await findUser(db.fork(), 'alice')) as User;
      const session = await openSession(db, alice);
      t.match(await cliHarness.json('user deactivate alice'), { user: { is_active: false } });
      t.match(await db.fork().findOne(Session, session.id), { endedReason: 'deactivated' });
      t.match(await lastEntry(db), { before: { isActive: true }, after: { isActive: false } });
      t.match(await cliHarness.run('user activate alice'), { exit: 0, stdout: 'Activated the user alice.\n' });
      const entries = await db.fork().count(AuditEntry, {});
      await cliHarness.json('user activate alice');
      t.equal(await db.fork().count(AuditEntry, {}), entries, 'nothing changed, nothing logged');
    });

    await t.test('docs/commands.md: user list goes on after a name and says when there is more', async (t) => {
      for (const name of ['carol', 'Dave', 'erin']) await cliHarness.json(`user create ${name}`);
      const pages = [];
      for (let after: string | null = ''; after !== null; ) {
        const page: { users: { username: string }[]; next_after: string | null } = await cliHarness.json(
          `user list --limit 2 ${after ? `--after ${after}` : ''}`,
        );
        pages.push(page.users.map((one) => one.username));
        after = page.next_after;
      }
      t.same(pages, [['alice', 'bob'], ['carol', 'Dave'], ['erin']]);
      const { stdout } = await cliHarness.run('user list --limit 2');
      t.match(stdout, /^USERNAME +E-MAIL +ACTIVE[\s\S]*There are more: npx signet user list --after bob --limit 2\n$/);
      t.match(await cliHarness.run('user list --after zoe'), { exit: 0, stdout: 'There are no users here.\n' });
    });

    await t.test(
      'docs/commands.md: of commands that make the same at once one is done, the others are conflicts (exit 4)',
      async (t) => {
        for (const one of ['user create same', 'group create Same', 'api create same']) {
          const results = await Promise.all(Array.from({ length: 6 }, () => cliHarness.run(one)));
          t.same(results.map((result) => result.exit).sort(), [0, 4, 4, 4, 4, 4], one);
        }
      },
    );

    await t.test(
      'docs/commands.md: user show tells how a password is stored, as Django does, and never the hash',
      async (t) => {
        const shown = await cliHarness.json('user show alice');
        t.match(shown, {
          user: { username: 'alice', attributes: {} },
          groups: [],
          apis: [],
          password: { algorithm: 'argon2id_nfkc', memory_cost: '7168' },
        });
        t.match(await cliHarness.json('user show carol'), { password: { algorithm: 'unusable' } });
        await demandNoSecret(t, cliHarness, [
          'user show alice',
          'user show alice --json',
          'user show bob',
          'user list',
          'user list --json',
          'user update bob --first-name B --json',
        ]);
      },
    );
  }),
);

async function openSession(db: Database, user: User): Promise<Session> {
  const em = db.fork();
  const given = {
    user: user.id,
    passwordEpoch: user.passwordEpoch,
    authTime: new Date(),
    amr: ['pwd'],
    ip: '192.0.2.1',
    userAgent: 'test',
  };
  const { session } = createSession(em, given, { idleSeconds: 600, absoluteSeconds: 600 }, new Date());
  await em.flush();
  return session;
}

async function demandNoSecret(t: Test, cliHarness: CliHarness, all: string[]): Promise<void> {
  const hashes = (await cliHarness.hashes()).flatMap((one) => [one, one.split('$').at(-1) as string]);
  for (const words of all) {
    const { stdout, stderr } = await cliHarness.run(words);
    t.notOk(
      hashes.some((hash) => (stdout + stderr).includes(hash)),
      words,
    );
  }
}
