import { createClient } from '../../src/oauth/index.ts';
import type { Passwords } from '../../src/passwords/index.ts';
import { createApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { type AppOptions, audit, makeUser, startApp, testClock } from '../support/server.ts';

export const PASSWORD = 'a long enough phrase';

/** Hashing at the least cost that the settings take. */
export const cheap = {
  SIGNET_ARGON2_MEMORY: '7168',
  SIGNET_ARGON2_ITERATIONS: '1',
  SIGNET_HASH_QUEUE: '1000',
  SIGNET_HASH_WAIT_MS: '60000',
};

/** The real hashing, counted: what was refused without it cost the attacker everything and the server nothing. */
export function counting(real: Passwords): Passwords & { verifications: number; hashes: number } {
  const counted = {
    verifications: 0,
    hashes: 0,
    verify: (password: string, encoded: string | null) => {
      counted.verifications += 1;
      return real.verify(password, encoded);
    },
    hash: (password: string) => {
      counted.hashes += 1;
      return real.hash(password);
    },
  };
  return counted;
}

export type Headers = Record<string, string>;

/** The service with alice, bob and root, an API `polls`, and a service account that requests and serves it. */
export async function scene(db: Database, options: AppOptions = {}) {
  const clock = testClock();
  const first = await startApp(db, { clock, ...options, environment: { ...cheap, ...options.environment } });
  const passwords = counting(first.passwords);
  await first.app.close();
  const service = await startApp(db, {
    clock,
    passwords,
    ...options,
    environment: { ...cheap, ...options.environment },
  });
  for (const name of ['alice', 'bob', 'root'])
    await makeUser(db, passwords, name, PASSWORD, { isSuperuser: name === 'root' });
  const polls = await createApi(db.fork(), audit(), 'polls');
  const { client, secret } = await createClient(db.fork(), audit(), {
    name: 'the service',
    preset: 'service',
    requests: [polls],
    serves: [polls],
  });
  const basic = `Basic ${Buffer.from(`${client.clientId}:${secret}`).toString('base64')}`;
  const { app } = service;

  const post = (url: string, payload: object | string, headers: Headers = {}) =>
    app.inject({
      method: 'POST',
      url,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      headers: { 'content-type': 'application/json', ...headers },
    });

  async function logIn(username: string, audience = 'polls') {
    const response = await post('/api/v1/login', { username, password: PASSWORD, audience });
    if (response.statusCode !== 200) throw new Error(`login of ${username}: ${response.body}`);
    const { access_token, session } = response.json() as { access_token: string; session: { id: string } };
    const [{ name, value }] = response.cookies as [{ name: string; value: string }];
    return { cookie: `${name}=${value}`, value, token: access_token, sid: session.id };
  }

  return {
    ...service,
    clock,
    passwords,
    polls,
    basic,
    post,
    logIn,
    /** Who a cookie is, to the server: '' for nobody. */
    who: async (cookie: string): Promise<string> =>
      (await app.inject({ url: '/api/v1/session', headers: { cookie } })).json().user.username,
    hasPerm: (token: string, perms: string[] = []) =>
      post('/api/v1/has_perm', { perms }, { authorization: `Bearer ${token}` }),
    introspect: (token: string) =>
      app.inject({
        method: 'POST',
        url: '/oauth2/introspect',
        headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams({ token }).toString(),
      }),
  };
}
