import type { Database } from '../../src/platform/database/index.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { RefreshGrant, STATUS, TokenStatus } from '../../src/tokens/index.ts';
import { deleteUser, updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, EXCHANGE, jwtClaims } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openServices, type TestClient } from '../support/world.ts';

// Row 71: what is revoked, and what ends, while it is being exchanged.

const LEDGER = { resource: 'https://ledger.example' };
const { valid, revoked, suspended } = STATUS;

async function stateOf(db: Database, token: string): Promise<number> {
  const { idx, uri } = jwtClaims(token).status.status_list;
  return (await db.fork().findOneOrFail(TokenStatus, { list: Number(uri.split('/').at(-1)), idx })).state;
}

/** The same database; `before` hears of every hot statement before it is sent. */
function watched(db: Database, before: (statement: string) => Promise<void>): Database {
  return new Proxy(db, {
    get(of, key) {
      if (key === 'query')
        return async (...given: Parameters<Database['query']>) => {
          await before(given[0].name);
          return of.query(...given);
        };
      const found: unknown = Reflect.get(of, key);
      return typeof found === 'function' ? found.bind(of) : found;
    },
  });
}

t.test('attacks 71: a revocation and an exchange that meet', (t) =>
  onEachEngine(t, async (t, db) => {
    let meanwhile: (() => Promise<unknown>) | null = null;
    /** At the statement that looks for the place: the token has been read and found good. */
    const before = async (statement: string) => {
      const now = meanwhile;
      if (statement !== 'tokens-exchanged' || now === null) return;
      meanwhile = null;
      await now();
    };
    const s = await openServices(watched(db, before));
    const { subjectToken, web, backend, books, outside } = s;
    const revoke = async (token: string, by: TestClient) => {
      const answer = await s.post('revoke', { token }, by);
      t.equal(answer.statusCode, 200, answer.body);
    };
    const exchanged = async (by: TestClient, token: string, more: Record<string, string> = {}): Promise<string> => {
      const answer = await s.exchange(by, token, more);
      t.equal(answer.statusCode, 200, answer.body);
      return answer.json().access_token;
    };
    const refused = async (asked: ReturnType<typeof s.exchange>) => {
      const answer = await asked;
      t.same([answer.statusCode, answer.json().error], [400, 'invalid_request'], answer.body);
    };

    await t.test('RFC 7009 §2.1: what was made of a revoked token is not exchanged for a good one', async (t) => {
      const subject = await subjectToken();
      const made = await exchanged(backend, subject);
      const there = await exchanged(backend, subject, LEDGER);
      await revoke(subject, web);
      t.same([await stateOf(db, made), await stateOf(db, there)], [suspended, suspended]);
      await refused(s.exchange(backend, made));
      await refused(s.exchange(outside, made, LEDGER));
      await refused(s.exchange(books, there, { audience: 'polls' }));
    });

    await t.test('RFC 7009 §2.1: a sibling of a revoked token is as good for an exchange as before', async (t) => {
      const first = (await s.redeem(await s.code())).json();
      const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token };
      const second = (await s.post('token', refresh)).json();
      await revoke(first.access_token, web);
      t.equal(await stateOf(db, second.access_token), suspended, 'they stand at one place');
      t.equal(await stateOf(db, await exchanged(backend, second.access_token)), valid);
    });

    await t.test('RFC 7009 §2.1: a token that is revoked after it was read is exchanged no more', async (t) => {
      const subject = await subjectToken();
      meanwhile = () => revoke(subject, web);
      await refused(s.exchange(backend, subject));
      t.equal(meanwhile, null, 'it was revoked in between');
    });

    await t.test('RFC 7009 §2.1: nor is what was made of it', async (t) => {
      const subject = await subjectToken();
      const made = await exchanged(backend, subject);
      meanwhile = () => revoke(subject, web);
      await refused(s.exchange(backend, made, LEDGER));
      t.equal(meanwhile, null, 'it was revoked in between');
    });

    const skip = db.engine === 'embedded' ? 'one connection: nothing happens at once' : false;

    await t.test('RFC 7009 §2.1: a revocation reaches what is made while it is written', { skip }, async (t) => {
      const subject = await subjectToken();
      const made = await exchanged(backend, subject);
      const awake = await slowly(db, 'tokens_status', 'new.state = 2');
      const revoking = revoke(subject, web);
      await waitsFor(db, 'PgSleep');
      const next = await exchanged(backend, made, LEDGER);
      t.equal(await stateOf(db, next), valid, 'nobody can know yet');
      await revoking;
      await awake();
      t.same([await stateOf(db, made), await stateOf(db, next)], [suspended, suspended]);
    });
  }),
);

t.test('attacks 71: a client and sessions that end at once', (t) =>
  onEachEngine(t, async (t, db) => {
    if (db.engine === 'embedded') return;
    const s = await openServices(db);
    const { clock } = s;
    const both = await s.client('Both', {
      preset: 'web',
      isFirstParty: true,
      redirectUris: [CALLBACK],
      grantTypes: ['authorization_code', 'refresh_token', EXCHANGE],
      requests: [s.polls, s.ledger],
      serves: [s.polls],
    });
    const setActive = async (isActive: boolean) => s.updateClient(both, { isActive });
    const held = async (username: string) => {
      const { token, sid } = await s.http.logIn(username, { audience: 'polls' });
      await s.redeem(await s.code(both, { session: sid }), {}, both);
      const answer = await s.exchange(both, token);
      t.equal(answer.statusCode, 200, answer.body);
      return { sid, made: answer.json().access_token as string };
    };

    await t.test('docs/freshness.md: every session and the client end, whoever comes first', async (t) => {
      const all = await Promise.all(Array.from({ length: 5 }, () => held('alice')));
      const awake = await slowly(db, 'tokens_status', 'true', 0.02);
      const end = (id: string) =>
        db.fork().transactional((tx) => endSessions(tx, clock.now(), { id }, 'logout')) as Promise<unknown>;
      const done = await Promise.allSettled([...all.map(({ sid }) => end(sid)), setActive(false)]);
      await awake();
      t.same(reasonsOf(done), []);
      for (const { made } of all) t.equal(await stateOf(db, made), revoked);
      await setActive(true);
    });

    for (const [how, end] of [
      ['deactivated', (user: { id: string }) => updateUser(db.fork(), audit(), user as never, { isActive: false })],
      ['deleted', (user: { id: string }) => deleteUser(db.fork(), audit(), user)],
    ] as const)
      await t.test(
        `docs/freshness.md: a user who is ${how} and a client that ends wait for each other's grants in one order`,
        async (t) => {
          const user = await s.user(`was-${how}`);
          const { sid } = await s.http.logIn(user.username, { audience: 'polls' });
          // The older grant is the one that outlives a session.
          for (const isOffline of [true, false])
            await s.redeem(await s.code(both, { session: sid, isOffline }), {}, both);
          const { made } = await held(user.username);
          const awake = await slowly(db, 'tokens_grant', 'new.ended_at is not null');
          const ending = end(user);
          await waitsFor(db, 'PgSleep');
          const done = await Promise.allSettled([ending, setActive(false)]);
          await awake();
          t.same(reasonsOf(done), []);
          t.equal(await stateOf(db, made), revoked);
          t.equal(await db.fork().count(RefreshGrant, { principal: user.id, endedAt: null }), 0);
          await setActive(true);
        },
      );
  }),
);

function reasonsOf(done: readonly PromiseSettledResult<unknown>[]): string[] {
  return done.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
}

/** Makes changes of a table slow until what is answered is called. */
async function slowly(db: Database, table: string, when: string, seconds = 0.4): Promise<() => Promise<void>> {
  const em = db.fork();
  await em.execute(
    `create or replace function test_slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(${seconds}); return new; end $$`,
  );
  await em.execute(
    `create trigger test_slowly before update on ${table} for each row when (${when}) execute function test_slowly()`,
  );
  return async () => {
    await em.execute(`drop trigger test_slowly on ${table}`);
  };
}

/** Until some connection waits for that. */
async function waitsFor(db: Database, event: string): Promise<void> {
  const text = `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event = $1`;
  for (let tries = 0; tries < 400; tries++) {
    const [row] = await db.query<{ n: number }>({ name: 'test-waits-for', text }, [event]);
    if (row?.n) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`Nobody waits for ${event}.`);
}
