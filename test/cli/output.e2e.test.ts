import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../support/database.ts';
import { freshSettings, serving, signet } from '../support/process.ts';
import t from '../support/tap.ts';
import { split } from './harness.ts';

// What a command does with its surroundings: who reads its answer, where it is written, what it is given to read.

const launcher = join(root, 'bin/signet.mjs');
const PASSWORD = 'correct horse battery';
const MARK = '\ufeff';

interface CommandResult {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs a command with a stdout of the test's own. */
async function run(
  words: string[],
  environment: Record<string, string>,
  stdout: 'closed' | 'head' | number,
): Promise<CommandResult> {
  const options: SpawnOptions = {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', typeof stdout === 'number' ? stdout : 'pipe', 'pipe'],
  };
  const child = spawn(process.execPath, [launcher, ...words], options);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  if (stdout === 'closed') child.stdout?.destroy();
  if (stdout === 'head') child.stdout?.once('data', () => child.stdout?.destroy());
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

const place = await freshSettings();
const folder = dirname(place.SIGNET_DATA_DIR);
const path = (name: string) => join(folder, name);
const file = (name: string, content: string | Buffer) => {
  writeFileSync(path(name), content);
  return path(name);
};

const full = existsSync('/dev/full') ? false : 'there is no /dev/full';

t.test('docs/commands.md: without a reader a command ends quietly, on a full disk in one line', async (t) => {
  t.same(await run(['openapi'], {}, 'head'), { code: 141, stderr: '' }, 'signet openapi | head -1');
  for (const words of [['--version'], ['--help'], ['config'], ['nonsense', '--json']])
    t.match(await run(words, place, 'closed'), { code: 141 }, words.join(' '));
  await t.test('/dev/full', { skip: full }, async (t) => {
    const disk = openSync('/dev/full', 'w');
    t.teardown(() => closeSync(disk));
    for (const words of [['openapi'], ['--version'], ['config', '--json']])
      t.same(
        await run(words, place, disk),
        { code: 1, stderr: 'signet: The output cannot be written (ENOSPC). Write it to another place.\n' },
        words.join(' '),
      );
  });
});

t.test('docs/commands.md: a working folder that is gone, and files that no command takes, are one line', async (t) => {
  const gone = path('gone');
  mkdirSync(gone);
  // What tap has every Node load asks for the working folder itself.
  const child = spawn(
    'sh',
    ['-c', `unset NODE_OPTIONS; rmdir "$PWD" && exec "${process.execPath}" "${launcher}" user list`],
    {
      cwd: gone,
    },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const [code] = await once(child, 'close');
  t.same([code, said], [1, 'signet: The working folder is gone. Change to one that exists.\n']);

  const sparse = file('sparse', '');
  truncateSync(sparse, 600 * 1024 * 1024);
  const latin = file('latin', Buffer.from('{"keys": ["m\xfcller"]}', 'latin1'));
  for (const [words, exit, stderr] of [
    [`api sync ${sparse}`, 2, /^signet: \S+sparse is larger than 512 MB, [^\n]*\n$/],
    [`client create x --preset service --jwks ${sparse}`, 2, /^signet: \S+sparse is larger than 512 MB, [^\n]*\n$/],
    [`import django ${sparse} --api polls`, 2, /^signet: \S+sparse is larger than 512 MB[^\n]*\n/],
    [`keys rewrap ${sparse}`, 2, /^signet: \S+sparse is larger than 512 MB, [^\n]*\n$/],
    [`api sync ${latin}`, 2, /^signet: \S+latin is not UTF-8 \(byte 12, line 1\)\. [^\n]*\n$/],
    [`client create x --preset service --jwks ${latin}`, 2, /^signet: \S+latin is not UTF-8 \(byte 12, line 1\)/],
    [`api sync ${folder}`, 1, /^signet: The file \S+ cannot be read \(EISDIR\)\. Name a file, not a folder\.\n$/],
    [`api sync ${path('nowhere')}`, 3, /^signet: The file \S+ cannot be read \(ENOENT\)\. Check the path\.\n$/],
  ] as const)
    t.match(await signet(split(words), place), { code: exit, stdout: '', stderr }, words);
});

t.test('docs/commands.md: the same through a running server, and text is taken as it was meant', async (t) => {
  const server = await serving(['dev'], place, /Try it[^\n]*\n/);
  t.teardown(() => server.stop('SIGKILL'));
  const type = (words: string, stdin = '') => signet(split(words), place, stdin);
  t.match(await run(['user', 'list'], place, 'closed'), { code: 141, stderr: '' }, 'signet user list | true');
  if (!full) {
    const disk = openSync('/dev/full', 'w');
    t.match(await run(['user', 'list', '--json'], place, disk), { code: 1, stderr: /ENOSPC\)\. [^\n]+\n$/ });
    closeSync(disk);
  }

  t.match(await type('user create marked --password-stdin', `${MARK}${PASSWORD}\r\n`), { code: 0 });
  const login = await fetch(`http://localhost:${place.SIGNET_PORT}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'marked', password: PASSWORD, audience: 'polls' }),
  });
  t.equal(login.status, 200, 'the password is what was typed, without the mark of the editor');
  const { access_token: token } = (await login.json()) as { access_token: string };
  t.match(await type('token inspect -', `${MARK}${token}\r\n`), { code: 0 });
  t.match(await type('token verify -', `${MARK}${token}\n`), { code: 0 });
  t.match(await type('token verify -', `${token}\n${token}\n`), { code: 2, stderr: /more than one line/ });
  t.match(await type('changepassword marked --password-stdin', `${PASSWORD}\n\n`), { code: 2, stderr: /one line/ });
  const { n, e } = { n: Buffer.alloc(256, 0xc1).toString('base64url'), e: 'AQAB' };
  const keys = JSON.stringify({ keys: [{ kty: 'RSA', kid: 'a', use: 'sig', alg: 'RS256', n, e }] });
  const jwks = file('jwks.json', `${MARK}${keys}`);
  const service = '--preset service --auth private_key_jwt';
  t.match(await type(`client create one ${service} --jwks ${jwks}`), { code: 0 }, '--jwks FILE with a mark');
  t.match(await type(`client create two ${service} --jwks -`, `${MARK}${keys}\n`), { code: 0 }, '--jwks - with a mark');
  const sync = file('sync.yaml', `${MARK}audience: marked\napps: {polls: {models: [choice]}}\n`);
  t.match(await type(`api sync ${sync}`), { code: 0 });
  t.match(
    await type('changepassword marked --password-stdin', Buffer.from('\xfc long enough phrase', 'latin1') as never),
    {
      code: 2,
      stderr: /^signet: Standard input is not UTF-8 \(byte 0, line 1\)/,
    },
  );
  t.same(await server.stop(), { code: 0, signal: null });
});

t.test(
  'docs/architecture.md: production writes its log to stderr, nothing to stdout, and outlives a full disk',
  async (t) => {
    const own = await freshSettings();
    const environment = { ...own, SIGNET_ISSUER: 'https://id.example', SIGNET_HOST: '127.0.0.1' };
    t.match(await signet(['migrate'], environment), { code: 0 });
    const live = async () => {
      for (;;) {
        const answer = await fetch(`http://127.0.0.1:${own.SIGNET_PORT}/health/live`).catch(() => null);
        if (answer?.ok) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const start = async (stderr: number | 'pipe') => {
      const child = spawn(process.execPath, [launcher, 'start', '--embedded'], {
        env: { PATH: process.env['PATH'] ?? '', ...environment },
        stdio: ['ignore', 'pipe', stderr],
      });
      const said = { stdout: '', stderr: '' };
      child.stdout?.on('data', (chunk: Buffer) => {
        said.stdout += chunk;
      });
      child.stderr?.on('data', (chunk: Buffer) => {
        said.stderr += chunk;
      });
      await live();
      await fetch(`http://127.0.0.1:${own.SIGNET_PORT}/nowhere`);
      child.kill('SIGTERM');
      const [code] = await once(child, 'close');
      return { code, ...said };
    };
    const quiet = await start('pipe');
    t.match(quiet, { code: 0, stdout: '' });
    const lines = quiet.stderr.trimEnd().split('\n');
    for (const line of lines) t.doesNotThrow(() => JSON.parse(line), line);
    t.match(quiet.stderr, / · production · https:\/\/id\.example · listening on 127\.0\.0\.1:/);
    await t.test('/dev/full', { skip: full }, async (t) => {
      const disk = openSync('/dev/full', 'w');
      t.teardown(() => closeSync(disk));
      t.match(await start(disk), { code: 0, stdout: '' });
    });
  },
);
