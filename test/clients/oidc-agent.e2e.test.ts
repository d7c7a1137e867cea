import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { jwtClaims } from '../support/flows.ts';
import { fromDebian } from './debian.ts';
import { stock } from './record.ts';
import { EDITORS, logIn, startWorld } from './world.ts';

/** An agent in the foreground, in a home of its own; answers how its commands are run. */
async function startAgent(t: Test) {
  const home = mkdtempSync(join(tmpdir(), 'signet-agent-'));
  const socket = join(home, 'agent.sock');
  mkdirSync(join(home, 'config'));
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TMPDIR: home,
    OIDC_CONFIG_DIR: join(home, 'config'),
    OIDC_SOCK: socket,
    OIDC_ENCRYPTION_PW: 'of this test alone',
  };
  const agent = spawn('/usr/bin/oidc-agent', ['--console', '-a', socket], { env, stdio: 'ignore' });
  const over = new Promise<void>((resolve) => agent.once('exit', () => resolve()));
  t.teardown(async () => {
    agent.kill('SIGTERM');
    await over;
  });
  for (let i = 0; !existsSync(socket); i++) {
    if (agent.exitCode !== null || i > 100) throw new Error('oidc-agent does not serve');
    await setTimeout(50);
  }
  return env;
}

await stock(fromDebian('oidc-agent', ['oidc-agent-cli']), async (t, flow) => {
  const world = await startWorld(t);

  await flow('device authorization, refresh, audience', async (t) => {
    const made = await world.client({ preset: 'device', isFirstParty: true });
    const env = await startAgent(t);
    const words = [
      ...['--manual', '--flow=device', '--pw-env', '--prompt=none', '--confirm-yes'],
      ...[
        '--issuer',
        world.issuer,
        '--client-id',
        made.clientId,
        '--client-secret=',
        '--cert-path',
        world.caPath as string,
      ],
      ...[
        '--scope',
        'openid profile offline_access',
        '--audience',
        'polls',
        '--redirect-uri',
        'http://localhost:8080',
        'signet',
      ],
    ];
    const generating = spawn('/usr/bin/oidc-gen', words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const told = new Promise<{ uri: string; code: string }>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        said += chunk.toString();
        const uri = /https:\/\/\S+\/oauth2\/device\b/.exec(said)?.[0];
        const code = /\b[A-Z0-9]{4}-[A-Z0-9]{4}\b/.exec(said)?.[0];
        if (uri && code) resolve({ uri, code });
      };
      generating.stdout.on('data', take);
      generating.stderr.on('data', take);
      generating.once('exit', () => reject(new Error(`oidc-gen ended: ${said}`)));
    });
    const over = new Promise<number | null>((resolve) => generating.once('exit', resolve));
    const { uri, code } = await told;
    const browser = world.browser();
    let page = await browser.open(uri);
    if (page.url.pathname === '/login') page = await logIn(page);
    page = await page.submit({ user_code: code });
    if (page.url.pathname === '/login') page = await logIn(page);
    t.equal((await page.submit({}, ['decision', 'allow'])).status, 200);
    t.equal(await over, 0, said);
    const token = async () =>
      (await promisify(execFile)('/usr/bin/oidc-token', ['--force-new', 'signet'], { env })).stdout.trim();
    const [first, second] = [await token(), await token()];
    t.not(first, second, 'refreshed');
    const claims = jwtClaims(second);
    t.match(claims, { aud: 'polls', username: 'alice', permissions: EDITORS });
  });
});
