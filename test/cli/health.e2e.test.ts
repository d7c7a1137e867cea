import { execFile } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runCommand } from '../../src/cli/run.ts';
import { httpsIdentity } from '../../src/server/https.ts';
import { openTestEmbedded, root } from '../support/database.ts';
import { freePort, signet } from '../support/process.ts';
import { startApp } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';

type Environment = Record<string, string>;

const health = (environment: Environment, words = 'health') =>
  runCommand(
    words.split(' '),
    environment,
    () => {},
    () => {},
  );

/** Something that listens on every address of this machine; answers the settings that find it. */
async function listening(t: Test, answer: RequestListener): Promise<Environment> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { SIGNET_HOST: '0.0.0.0', SIGNET_PORT: String((server.address() as AddressInfo).port) };
}

t.test('docs/commands.md: health asks the server of these settings, and exits 0 while it is ready', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const { app } = await startApp(db);
  await app.listen({ host: '0.0.0.0', port: 0 });
  t.teardown(() => app.close());
  const port = (app.server.address() as AddressInfo).port;
  const url = `http://127.0.0.1:${port}/health/ready`;
  const found = { SIGNET_HOST: '0.0.0.0', SIGNET_PORT: String(port) };
  t.same(await health(found), { exit: 0, stdout: `Ready: ${url}\n`, stderr: '' });
  const json = await health(found, 'health --json');
  t.same([json.exit, JSON.parse(json.stdout)], [0, { ready: true, url, status: 200 }]);
  t.match(
    await health({ SIGNET_PORT: String(port), SIGNET_DATA_DIR: '/nowhere' }),
    { exit: 0 },
    'without SIGNET_HOST too: development asks localhost',
  );
  t.match(
    await health({ SIGNET_PORT: String(port), DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }),
    { exit: 0 },
    'and production 127.0.0.1; the database is not asked',
  );
});

t.test('docs/commands.md: a server that is not ready, or something else on its port, is exit 1', async (t) => {
  const answers: Record<string, RequestListener> = {
    '503': (_request, response) => void response.writeHead(503).end('{"status":503,"code":"unavailable"}'),
    'a page': (_request, response) => void response.writeHead(200).end('<!doctype html>'),
    null: (_request, response) => void response.writeHead(200).end('null'),
    'another document': (_request, response) => void response.writeHead(200).end('{"status":"starting"}'),
    'an answer without end': (_request, response) => {
      const send = () => void (response.writableEnded || response.destroyed || response.write('x'.repeat(9999), send));
      response.writeHead(200);
      send();
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    const found = await listening(t, answer);
    t.match(await health(found), { exit: 1, stdout: /^Not ready: http:\S+ answered \d+\./, stderr: '' }, name);
    const json = await health(found, 'health --json');
    t.match([json.exit, JSON.parse(json.stdout)], [1, { ready: false }], name);
  }
});

t.test('docs/commands.md: a server that hangs is exit 1 in a few seconds, before or within its answer', async (t) => {
  const mute = await listening(t, () => {});
  const halting = await listening(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{');
  });
  for (const ended of await Promise.all([health(mute), health(halting)]))
    t.match(ended, { exit: 1, stdout: '', stderr: /^signet: Not ready: \S+ did not answer in 3000 ms\./ });
});

t.test(
  'docs/commands.md: dev --https is asked by https, and believed by the CA of the data folder alone',
  async (t) => {
    const top = t.testdir({ ours: {}, others: {}, empty: {} });
    const [ours, others, empty] = [join(top, 'ours'), join(top, 'others'), join(top, 'empty')];
    const identity = await httpsIdentity(ours, new Date());
    await httpsIdentity(others, new Date());
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const listen = async (https?: { key: string; cert: string }) => {
      const { app } = await startApp(db, https ? { https } : {});
      await app.listen({ host: '0.0.0.0', port: 0 });
      t.teardown(() => app.close());
      return String((app.server.address() as AddressInfo).port);
    };
    const [plain, secure] = [await listen(), await listen(identity)];
    const ask = (port: string, folder: string) =>
      health({ SIGNET_HOST: '127.0.0.1', SIGNET_PORT: port, SIGNET_DATA_DIR: folder });
    const url = `https://127.0.0.1:${secure}/health/ready`;
    t.same(await ask(secure, ours), { exit: 0, stdout: `Ready: ${url}\n`, stderr: '' });
    t.match(await health({ SIGNET_PORT: secure, SIGNET_DATA_DIR: ours }), { exit: 0 }, 'by its name too');
    t.match(await ask(secure, others), {
      exit: 1,
      stdout: '',
      stderr: /^signet: Not ready: the certificate of https:\S+ is not signed by \S+others\S+ca\.pem \(/,
    });
    t.match(await ask(secure, empty), { exit: 5, stderr: /There is no answer at http:/ });
    t.match(await ask(plain, ours), { exit: 0, stdout: /^Ready: http:/ }, 'a folder that once served https');
    const port = String(await freePort());
    t.match(await ask(port, ours), { exit: 5, stderr: /There is no answer at http:.*ECONNREFUSED/ });
    const mute = await listening(t, (_request, response) => void response.destroy());
    t.match(
      await ask(mute['SIGNET_PORT'] as string, ours),
      { exit: 5, stderr: /There is no answer at http:/ },
      'neither',
    );
  },
);

t.test('docs/commands.md: where nothing answers it is exit 5, and the remedy is named', async (t) => {
  const port = String(await freePort());
  for (const [host, asked] of [
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]'],
    ['::1', '[::1]'],
    ['127.0.0.1', '127.0.0.1'],
  ] as const)
    t.match(await health({ SIGNET_HOST: host, SIGNET_PORT: port }), {
      exit: 5,
      stderr: new RegExp(
        `^signet: There is no answer at http://${asked.replace(/[[\]]/g, '\\$&')}:${port}/.*SIGNET_PORT`,
      ),
    });
  t.match(await signet(['health'], { SIGNET_HOST: '127.0.0.1', SIGNET_PORT: port }), {
    code: 5,
    stderr: /There is no answer/,
  });
});

t.test('docs/commands.md: its words and settings are refused as those of every command (exit 2)', async (t) => {
  t.match(await health({}, 'health now'), { exit: 2, stderr: /Usage: npx signet health/ });
  t.match(await health({ SIGNET_PRT: '1' }), { exit: 2, stderr: /Did you mean SIGNET_PORT/ });
  t.match(await health({}, 'health --help --json'), { exit: 0, stdout: /"name": "health"/ });
});

t.test('docs/commands.md: health, help and completion load neither the ORM nor the server', async (t) => {
  const watch = `import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => (console.error('loaded ' + url), next(url, context)) });`;
  const loadedBy = async (words: string) => {
    const preload = ['--import', `data:text/javascript,${encodeURIComponent(watch)}`, join(root, 'src/main.ts')];
    const env = { SIGNET_PORT: String(await freePort()), SIGNET_DATA_DIR: '/nowhere' };
    const child = promisify(execFile)(process.execPath, [...preload, ...words.split(' ')], { env });
    const { stderr } = await child.catch((error: { stderr: string }) => error);
    return stderr.split('\n').filter((line) => /^loaded .*(mikro-orm|fastify|pino|cli\/commands\/health)/.test(line));
  };
  const [own, ...more] = await loadedBy('health');
  t.match(own, /cli\/commands\/health\.ts$/);
  t.same(more, []);
  for (const words of ['--version', 'help', '--help', 'client --help', 'client create --help', '__complete user l'])
    t.same(await loadedBy(words), [], words);
  t.ok((await loadedBy('openapi')).length > 10, 'a command that needs them does');
});
