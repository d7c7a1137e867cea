import type { Test } from 'tap';
import { createClient } from '../../src/oauth/index.ts';
import type { Passwords } from '../../src/passwords/index.ts';
import {
  addMembers,
  assign,
  changeCatalogue,
  createApi,
  createGroup,
  defaultPermissions,
  getApi,
  getPermissions,
  unassign,
  updateApi,
} from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { type Clock, systemClock } from '../../src/platform/time.ts';
import { getUser, updateUser } from '../../src/users/index.ts';
import { clientKey, proofBy } from './client-keys.ts';
import { openTestEmbedded } from './database.ts';
import { freePort } from './process.ts';
import { audit, makeUser, startApp } from './server.ts';

const PASSWORD = 'as long as it needs to be';

/** A clock that runs like the system's and can be shifted: stock libraries read the system's own. */
export interface ShiftedClock extends Clock {
  secondsBack: number;
}

function shiftedClock(): ShiftedClock {
  const clock: ShiftedClock = {
    secondsBack: 0,
    now: () => new Date(systemClock.now().getTime() - clock.secondsBack * 1000),
    sleepUntil: (instant) => systemClock.sleepUntil(new Date(instant.getTime() + clock.secondsBack * 1000)),
  };
  return clock;
}

/**
 * Starts the service on a free port of 127.0.0.1 with that address as its issuer, and in it: the APIs `polls` (models question and choice)
 * and `shop`, alice in a group that may add choices, bob without permissions, carol with alice's rights, the superuser root.
 */
export async function startListening(t: Test, environment: Record<string, string> = {}) {
  const db = await openTestEmbedded();
  const clock = shiftedClock();
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const { app, keys, passwords, refresh } = await startApp(db, {
    clock,
    environment: { SIGNET_ISSUER: issuer, SIGNET_ARGON2_MEMORY: '7168', ...environment },
  });
  await fill(db, passwords);
  await app.listen({ host: '127.0.0.1', port });
  t.teardown(async () => {
    await app.close();
    await db.close();
  });

  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });

  /** Logs in as a first-party app does; the token is for `audience`. */
  async function logIn(username: string, audience = 'polls'): Promise<{ token: string; cookie: string }> {
    const response = await post('/api/v1/login', { username, password: PASSWORD, audience });
    const answer = (await response.json()) as { access_token?: string };
    if (!answer.access_token) throw new Error(`login of ${username}: ${response.status} ${JSON.stringify(answer)}`);
    return { token: answer.access_token, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
  }

  /** Returns a service account's own token (client_credentials) for `polls`, with these permissions. `proof`: of the key that it is bound to. */
  async function clientToken(permissions: string[], proof?: () => Promise<string>): Promise<string> {
    const em = db.fork();
    const polls = await getApi(em, 'polls');
    const name = `service with ${permissions.length}${proof ? ', bound' : ''}`;
    const { client, secret } = await createClient(em, audit(), { name, preset: 'service', requests: [polls] });
    const principal = { id: client.id, label: name };
    await assign(em, audit(), { kind: 'client', principal }, await getPermissions(em, polls, permissions));
    const response = await fetch(`${issuer}/oauth2/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client.clientId}:${secret}`).toString('base64')}`,
        ...(proof ? { dpop: await proof() } : {}),
      },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
      signal: AbortSignal.timeout(20_000),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  return {
    issuer,
    keys,
    clock,
    clientToken,
    /** The same, bound to a key (RFC 9449 §5). */
    async boundToken(permissions: string[]): Promise<string> {
      const key = await clientKey();
      return clientToken(permissions, () =>
        proofBy(key, { method: 'POST', url: `${issuer}/oauth2/token`, now: clock.now() }),
      );
    },
    jwksUri: `${issuer}/.well-known/jwks.json`,
    logIn,
    /** Introspects a token. */
    hasPerm: (token: string, perms: string[]) =>
      post('/api/v1/has_perm', { perms }, { authorization: `Bearer ${token}` }),
    logOut: async (cookie: string): Promise<number> => (await post('/api/v1/logout', {}, { cookie })).status,
    /** Returns a new token from the session, without a login. */
    async again(cookie: string, audience = 'polls'): Promise<string> {
      const answer = await post('/api/v1/token', { audience }, { cookie });
      return ((await answer.json()) as { access_token: string }).access_token;
    },
    /** Assigns or unassigns a permission of `polls`, and has the server poll for changes. */
    async permit(username: string, name: string, isGiven: boolean): Promise<void> {
      const em = db.fork();
      const user = await getUser(em, username);
      const to = { kind: 'user', principal: { id: user.id, label: username } } as const;
      const some = await getPermissions(em, await getApi(em, 'polls'), [name]);
      await (isGiven ? assign : unassign)(em, audit(clock.now()), to, some);
      await refresh();
    },
    refresh,
    async deactivate(username: string): Promise<void> {
      const em = db.fork();
      await updateUser(em, audit(clock.now()), await getUser(em, username), { isActive: false });
    },
    async update(audience: string, settings: Parameters<typeof updateApi>[3]): Promise<void> {
      const em = db.fork();
      await updateApi(em, audit(clock.now()), await getApi(em, audience), settings);
    },
  };
}

export type Listening = Awaited<ReturnType<typeof startListening>>;

async function fill(db: Database, passwords: Passwords): Promise<void> {
  const members: { id: string; label: string }[] = [];
  for (const name of ['alice', 'bob', 'carol', 'root']) {
    const user = await makeUser(db, passwords, name, PASSWORD, { isSuperuser: name === 'root' });
    if (name === 'alice' || name === 'carol') members.push({ id: user.id, label: name });
  }
  await db.fork().transactional(async (tx) => {
    const polls = await createApi(tx, audit(), 'polls');
    await changeCatalogue(
      tx,
      audit(),
      polls,
      ['question', 'choice'].flatMap((model) => defaultPermissions('polls', model)),
    );
    await createApi(tx, audit(), 'shop');
    const group = await createGroup(tx, audit(), 'Poll editors');
    const permissions = await getPermissions(tx, polls, ['polls.add_choice', 'polls.view_choice']);
    await assign(tx, audit(), { kind: 'group', group }, permissions);
    await addMembers(tx, audit(), group, members);
  });
}
