import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCommand } from '../../src/cli/run.ts';
import { split } from '../cli/harness.ts';
import { type CommandResult, freshSettings, serving, signet } from '../support/process.ts';
import { djangoDump } from '../support/server.ts';
import t from '../support/tap.ts';

const PASSWORD = 'correct horse battery';

t.test('docs/commands.md: while a server holds the embedded database, commands are carried out by it', async (t) => {
  const place = await freshSettings();
  const folder = dirname(place.SIGNET_DATA_DIR);
  const [polls, dump] = [join(folder, 'polls.yaml'), join(folder, 'dump.json')];
  writeFileSync(
    polls,
    'audience: polls\napps: {polls: {models: [question, choice], permissions: {publish_poll: Can publish poll}}}',
  );
  writeFileSync(dump, djangoDump());
  const sources = join(folder, 'sources');
  mkdirSync(sources);
  writeFileSync(join(sources, 'views.py'), 'has_perm("polls.add_choice")\nhas_perm("polls.fly")\n');
  const server = await serving(['dev'], place, /Try it[^\n]*\n[^\n]*token inspect -\n/);
  t.teardown(() => server.stop('SIGKILL'));
  const type = (words: string, stdin = '', more: Record<string, string> = {}) =>
    signet(split(words), { ...place, ...more }, stdin);

  await t.test('docs/commands.md: settings, standard input and files of the caller reach the server', async (t) => {
    const environment = { SIGNET_SUPERUSER_USERNAME: 'root', SIGNET_SUPERUSER_PASSWORD: PASSWORD };
    t.match(await type('createsuperuser --noinput', '', environment), {
      code: 0,
      stdout: 'Created the superuser root.\n',
      stderr: '',
    });
    t.match(await type('changepassword alice --password-stdin', `${PASSWORD}\n`), { code: 0 });
    t.match(await type(`api sync ${polls}`), { code: 0, stdout: /version 2/ });
    const issued = await type('token issue --user alice --api polls');
    t.equal(issued.code, 0);
    const verified = await type('token verify - --json', issued.stdout);
    t.match(JSON.parse(verified.stdout), {
      active: true,
      claims: { iss: `http://localhost:${place.SIGNET_PORT}`, aud: 'polls' },
    });
    const login = await fetch(`http://localhost:${place.SIGNET_PORT}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'root', password: PASSWORD }),
    });
    t.equal(login.status, 200, 'whom a command made can log in at once');
    t.match(await type('session end --user root'), { code: 0, stdout: 'Ended 1 session of root.\n' });
    const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const session = await fetch(`http://localhost:${place.SIGNET_PORT}/api/v1/session`, { headers: { cookie } });
    t.match(await session.json(), { is_authenticated: false }, 'whom a command logged out is out at once');
  });

  const alike: [words: string, exit: number, stdin?: string][] = [
    ['user list --json', 0],
    ['user show root', 0],
    ['user show nobody', 3],
    ['user create alice', 4],
    ['user create weak --password-stdin --json', 2, 'weak'],
    ['perm list --user alice --explain', 0],
    ['perm grant --user alice --api polls polls.fly --json', 3],
    ['api show polls --json', 0],
    [`api sync ${polls}`, 0],
    ['api constants polls --lang ts', 0],
    [`api check polls ${sources}`, 1],
    ['keys list', 0],
    ['token verify -', 1, 'nonsense'],
    [`import django ${dump} --api polls-site --dry-run --json`, 0],
  ];
  const withServer = await Promise.all(alike.map(([words, , stdin]) => type(words, stdin)));
  for (const [i, [words, exit]] of alike.entries()) t.equal(withServer[i]?.code, exit, words);
  t.equal((await server.stop()).code, 0);

  await t.test('docs/commands.md: with the same output and exit code as without a server', async (t) => {
    for (const [i, [words, , stdin]] of alike.entries())
      t.same(await (stdin === undefined ? here(words) : type(words, stdin)), withServer[i], words);
  });

  /** In this process, which saves the start of another; standard input needs one of its own. */
  async function here(words: string): Promise<CommandResult> {
    const { exit: code, ...output } = await runCommand(
      split(words),
      place,
      () => {},
      () => {},
    );
    return { code, ...output };
  }
});
