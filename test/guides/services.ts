import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Test } from 'tap';
import { root } from '../support/database.ts';
import { startListening } from '../support/listening.ts';
import { freePort } from '../support/process.ts';

const guides = join(root, 'docs/guides');

/** Starts a service of the guides as its reader would, and answers how it is asked: POST /choices with a token. */
async function startService(t: Test, command: string, file: string, issuer: string) {
  const port = await freePort();
  const child = spawn(command, [join(guides, file)], {
    env: { PATH: process.env['PATH'], SIGNET_ISSUER: issuer, PORT: String(port), NODE_ENV: 'test' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  t.teardown(() => end(child));

  const ask = async (authorization?: string) => {
    const response = await fetch(`http://localhost:${port}/choices`, {
      method: 'POST',
      headers: authorization === undefined ? {} : { authorization },
      signal: AbortSignal.timeout(10_000),
    });
    return {
      status: response.status,
      challenge: response.headers.get('www-authenticate'),
      text: await response.text(),
    };
  };
  for (let tries = 0; tries < 150; tries++) {
    if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}:\n${printed}`);
    try {
      await ask();
      return ask;
    } catch {
      await wait(200);
    }
  }
  throw new Error(`${file} does not listen after 30 s:\n${printed}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await over;
}

/** The guide shows the file that is run here, word for word. */
export function shows(t: Test, guide: string, file: string, language: string): void {
  const text = readFileSync(join(guides, guide), 'utf8');
  const code = readFileSync(join(guides, file), 'utf8');
  t.ok(text.includes(`\n\`\`\`${language}\n${code}\`\`\`\n`), `${guide} shows ${file} word for word`);
}

/** What every service of the guides answers. */
export async function answers(t: Test, command: string, file: string): Promise<void> {
  const signet = await startListening(t);
  const ask = await startService(t, command, file, signet.issuer);

  await t.test('RFC 6750 §3: 401 with a bare challenge without a token', async (t) => {
    const answer = await ask();
    t.equal(answer.status, 401);
    t.match(answer.challenge, /^Bearer(?!.*error)/);
  });

  await t.test('RFC 6750 §3.1: 401 invalid_token for what is no access token of this API', async (t) => {
    const { token } = await signet.logIn('alice', 'shop');
    for (const text of ['nonsense', token]) {
      const answer = await ask(`Bearer ${text}`);
      t.equal(answer.status, 401);
      t.match(answer.challenge, /^Bearer .*error="invalid_token"/);
    }
  });

  await t.test('RFC 9068 §4: 401 for a token of another typ signed by the same key', async (t) => {
    await signet.update('polls', { typ: 'JWT' });
    const { token } = await signet.logIn('alice');
    await signet.update('polls', { typ: 'at+jwt' });
    t.equal((await ask(`Bearer ${token}`)).status, 401);
  });

  await t.test("Django's has_perm: 200 for a member of a group that has the permission", async (t) => {
    const answer = await ask(`Bearer ${(await signet.logIn('alice')).token}`);
    t.equal(answer.status, 200);
    t.match(answer.text, /alice/);
  });

  await t.test("Django's has_perm: 403 for a user without the permission", async (t) => {
    t.equal((await ask(`Bearer ${(await signet.logIn('bob')).token}`)).status, 403);
  });

  await t.test("Django's has_perm: 200 for a superuser, who holds no assignment", async (t) => {
    t.equal((await ask(`Bearer ${(await signet.logIn('root')).token}`)).status, 200);
  });

  await t.test('RFC 6749 §4.4: a service account is asked for the same permission', async (t) => {
    const answer = await ask(`Bearer ${await signet.clientToken(['polls.add_choice'])}`);
    t.equal(answer.status, 200);
    t.match(answer.text, /c_[\w-]{22}/);
    t.equal((await ask(`Bearer ${await signet.clientToken([])}`)).status, 403);
  });

  await t.test('RFC 9449 §7.1: 401 for a token that is bound to a key, shown as a plain bearer', async (t) => {
    const answer = await ask(`Bearer ${await signet.boundToken(['polls.add_choice'])}`);
    t.equal(answer.status, 401);
    t.match(answer.challenge, /invalid_token/);
  });

  await t.test('RFC 7519 §4.1.4: 401 after exp', async (t) => {
    signet.clock.secondsBack = 3600;
    const { token } = await signet.logIn('alice');
    signet.clock.secondsBack = 0;
    t.equal((await ask(`Bearer ${token}`)).status, 401);
  });

  await t.test(
    'docs/freshness.md: a sign-out shows at has_perm at once, and at exp where no status list is read',
    async (t) => {
      const { token, cookie } = await signet.logIn('alice');
      t.equal((await signet.hasPerm(token, ['polls.add_choice'])).status, 200);
      t.equal(await signet.logOut(cookie), 204);
      t.equal((await signet.hasPerm(token, ['polls.add_choice'])).status, 401);
      t.equal((await ask(`Bearer ${token}`)).status, 200);
    },
  );

  await t.test(
    'docs/freshness.md: a deactivation shows at has_perm at once, and at exp where no status list is read',
    async (t) => {
      const { token } = await signet.logIn('carol');
      t.equal((await signet.hasPerm(token, ['polls.add_choice'])).status, 200);
      await signet.deactivate('carol');
      t.equal((await signet.hasPerm(token, ['polls.add_choice'])).status, 401);
      t.equal((await ask(`Bearer ${token}`)).status, 200);
    },
  );
}
