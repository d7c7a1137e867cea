import type { Test } from 'tap';
import { type Clock, systemClock } from '../../src/platform/time.ts';
import { updateUser } from '../../src/users/index.ts';
import { clientKey, proofBy } from './client-keys.ts';
import { openTestEmbedded } from './database.ts';
import { basic, PASSWORD } from './http.ts';
import { freePort } from './process.ts';
import { openWorld } from './world.ts';

type Person = 'alice' | 'bob' | 'carol' | 'root';

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
  const world = await openWorld(db, { clock, environment: { SIGNET_ISSUER: issuer, ...environment } });
  const { app, keys, refresh } = world;
  const polls = await world.api('polls', { models: ['polls.question', 'polls.choice'] });
  const shop = await world.api('shop');
  const people = {
    alice: await world.user('alice'),
    bob: await world.user('bob'),
    carol: await world.user('carol'),
    root: await world.user('root', { isSuperuser: true }),
  };
  const editors = await world.group('Poll editors', people.alice, people.carol);
  await world.assign(editors, polls, 'polls.add_choice', 'polls.view_choice');
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
    const name = `service with ${permissions.length}${proof ? ', bound' : ''}`;
    const service = await world.client(name, { requests: [polls] });
    await world.assign(service, polls, ...permissions);
    const response = await fetch(`${issuer}/oauth2/token`, {
      method: 'POST',
      headers: {
        ...basic(service),
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
    async permit(username: Person, name: string, isGiven: boolean): Promise<void> {
      await (isGiven ? world.assign : world.unassign)(people[username], polls, name);
      await refresh();
    },
    refresh,
    deactivate: async (username: Person) => {
      await updateUser(db.fork(), world.at(), people[username], { isActive: false });
    },
    update: async (audience: 'polls' | 'shop', settings: Parameters<typeof world.updateApi>[1]) => {
      await world.updateApi(audience === 'polls' ? polls : shop, settings);
    },
  };
}

export type Listening = Awaited<ReturnType<typeof startListening>>;
