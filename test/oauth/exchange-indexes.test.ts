import { deleteClient, disallowPermissions, getClient, updateClient } from '../../src/oauth/index.ts';
import { unassign } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { endGrants, purgeTokens, RefreshGrant, STATUS, TokenStatus } from '../../src/tokens/index.ts';
import { updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { ACCESS_TOKEN, jwtClaims } from '../support/flows.ts';
import { waitForLocks } from '../support/locks.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openServices, type TestClient } from '../support/world.ts';

// How local verifiers learn of changes to an exchanged token: its index in the status list.

const LEDGER = { resource: 'https://ledger.example' };

function readStatusIndex(token: string): { list: number; idx: number } {
  const { idx, uri } = jwtClaims(token).status.status_list;
  return { list: Number(uri.split('/').at(-1)), idx };
}

/** The current statuses of tokens. */
async function readStatuses(db: Database, ...tokens: string[]): Promise<number[]> {
  const rows = tokens.map((token) => db.fork().findOneOrFail(TokenStatus, readStatusIndex(token)));
  return (await Promise.all(rows)).map((row) => row.state);
}

t.test('the status indexes of exchanged tokens', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openServices(db);
    const { subjectToken, introspect, web, third, backend, books, outside, helpDesk, clock, alice, polls, signet } = s;
    const { valid, revoked, suspended, superseded } = STATUS;
    const exchangeToken = async (by: TestClient, token: string, more: Record<string, string> = {}): Promise<string> => {
      const answer = await s.exchange(by, token, more);
      t.equal(answer.statusCode, 200, answer.body);
      return answer.json().access_token;
    };
    const update = async (of: TestClient, change: Parameters<typeof updateClient>[3]) => s.updateClient(of, change);

    await t.test(
      'docs/freshness.md, RFC 8693: a disabled client ends what it exchanged at local verifiers too, and nothing else',
      async (t) => {
        const subject = await subjectToken();
        const [here, there] = [await exchangeToken(backend, subject), await exchangeToken(backend, subject, LEDGER)];
        const after = await exchangeToken(books, there, { audience: 'polls' });
        const byOther = await exchangeToken(outside, subject);
        const all = [subject, here, there, after, byOther];
        t.same(await readStatuses(db, ...all), [valid, valid, valid, valid, valid]);
        t.equal(new Set(all.map((one) => JSON.stringify(readStatusIndex(one)))).size, 5, 'each has its own index');
        await update(backend, { isActive: false });
        t.same(
          await readStatuses(db, ...all),
          [valid, revoked, revoked, revoked, valid],
          'also what others made of it',
        );
        t.match(await introspect(subject, web), { active: true });
        t.same(await introspect(after, web), { active: false });
        await update(backend, { isActive: true });
        t.same(await readStatuses(db, here), [revoked], 'a status never goes back');
        const again = await exchangeToken(backend, subject);
        t.same(await readStatuses(db, again), [valid]);
        t.match(await introspect(again, backend), { active: true });
      },
    );

    await t.test('docs/freshness.md: what a client that is deleted has exchanged ends with it', async (t) => {
      const gone = await s.service('Gone', { requests: [polls], serves: [polls] });
      const subject = await subjectToken();
      const made = await exchangeToken(gone, subject);
      await deleteClient(db.fork(), audit(), await getClient(db.fork(), gone.id));
      t.same(await readStatuses(db, made, subject), [revoked, valid]);
    });

    await t.test(
      'docs/oauth.md, docs/freshness.md: a boundary that is lowered suspends the tokens that its client exchanged, and all that were made of them',
      async (t) => {
        await s.allow(outside, polls, 'polls.add_choice', 'polls.view_choice');
        const subject = await subjectToken();
        const made = await exchangeToken(outside, subject);
        const after = await exchangeToken(backend, made);
        const beside = await exchangeToken(backend, subject);
        const below = { id: outside.principal };
        await disallowPermissions(db.fork(), audit(), below, await s.choicePermissions('add'));
        t.same(await readStatuses(db, subject, made, after, beside), [valid, suspended, suspended, valid]);
        const next = await exchangeToken(outside, subject);
        t.same([jwtClaims(next).permissions, await readStatuses(db, next)], [['polls.view_choice'], [valid]]);
        await s.allow(outside, polls, 'polls.add_choice');
        t.same(await readStatuses(db, next, after, subject), [superseded, suspended, valid], 'more is told as more');
        await update(outside, { isFirstParty: true });
        await update(outside, { isFirstParty: false });
        t.same(await readStatuses(db, next, subject), [suspended, valid], 'docs/permissions.md: first-party no more');
      },
    );

    await t.test(
      'docs/oauth.md: the boundary of the client that had the first token applies to it as well',
      async (t) => {
        const consented = (await s.choicePermissions('add', 'view')).map((one) => one.id);
        const subject = await subjectToken(third, { permissions: consented });
        const made = await exchangeToken(backend, subject);
        await disallowPermissions(db.fork(), audit(), { id: third.principal }, await s.choicePermissions('view'));
        t.same(await readStatuses(db, subject, made), [suspended, suspended]);
        await s.allow(third, polls, 'polls.view_choice');
      },
    );

    await t.test(
      'RFC 7009 §2.1, docs/oauth.md: who revokes an exchanged token leaves the subject and its siblings alone',
      async (t) => {
        const subject = await subjectToken();
        const [made, elsewhere] = [
          await exchangeToken(backend, subject),
          await exchangeToken(backend, subject, LEDGER),
        ];
        const [other, after] = [await exchangeToken(outside, subject), await exchangeToken(outside, made)];
        t.equal((await s.post('revoke', { token: made }, backend)).statusCode, 200);
        t.same(
          await readStatuses(db, subject, elsewhere, other, made, after),
          [valid, suspended, valid, suspended, suspended],
          'what the same client made of the same is asked for again, and what was made of that',
        );
        t.same(await introspect(made, backend), { active: false });
        t.match(await introspect(subject, web), { active: true });
        t.equal((await s.post('revoke', { token: subject }, web)).statusCode, 200);
        t.same(
          await readStatuses(db, subject, other),
          [suspended, suspended],
          'with the first goes what was made of it',
        );
        t.equal((await s.exchange(backend, subject)).json().error, 'invalid_request');
      },
    );

    await t.test('docs/freshness.md: what is taken from the subject suspends it, and only at that API', async (t) => {
      const subject = await subjectToken();
      const [here, there] = [await exchangeToken(backend, subject), await exchangeToken(backend, subject, LEDGER)];
      await unassign(db.fork(), audit(), s.asUser, await s.choicePermissions('add'));
      t.same(await readStatuses(db, subject, here, there), [suspended, suspended, valid]);
      await s.assign(alice, polls, 'polls.add_choice');
    });

    await t.test('docs/freshness.md: it ends with the session, the grant and the user', async (t) => {
      const carol = await s.user('carol');
      const { token, sid } = await s.http.logIn('carol', { audience: 'polls' });
      const bySession = await exchangeToken(backend, token, LEDGER);
      await db.fork().transactional((tx) => endSessions(tx, clock.now(), { id: sid }, 'logout'));
      t.same(await readStatuses(db, token, bySession), [revoked, revoked], 'a session');

      const subject = await subjectToken();
      const byGrant = await exchangeToken(backend, subject, LEDGER);
      const sibling = await exchangeToken(backend, await subjectToken(), LEDGER);
      const [live] = await db
        .fork()
        .find(RefreshGrant, { client: web.principal }, { orderBy: { id: 'desc' }, limit: 1, offset: 1 });
      await db.fork().transactional((tx) => endGrants(tx, clock.now(), { id: live?.id as string }, 'revoked'));
      t.same(await readStatuses(db, subject, byGrant, sibling), [revoked, revoked, valid], 'a grant');

      const { token: again } = await s.http.logIn('carol', { audience: 'polls' });
      const byUser = await exchangeToken(backend, again);
      await updateUser(db.fork(), audit(), carol, { isActive: false });
      t.same(await readStatuses(db, again, byUser), [revoked, revoked], 'a user');
    });

    await t.test('RFC 8693 §4.1: it ends with the user who acts', async (t) => {
      const bob = await s.user('bob');
      const { token: actor } = await s.http.logIn('bob', { audience: 'polls' });
      const subject = await subjectToken();
      const made = await exchangeToken(backend, subject, { actor_token: actor, actor_token_type: ACCESS_TOKEN });
      const after = await exchangeToken(outside, made);
      await updateUser(db.fork(), audit(), bob, { isActive: false });
      t.same(await readStatuses(db, subject, made, after), [valid, revoked, revoked]);
      const { id } = await s.user('bert');
      const { token: berts } = await s.http.logIn('bert', { audience: 'polls' });
      const byBert = await exchangeToken(backend, subject, { actor_token: berts, actor_token_type: ACCESS_TOKEN });
      await db.fork().transactional((tx) => endSessions(tx, clock.now(), { user: id }, 'logout'));
      t.same(await readStatuses(db, byBert), [valid], 'it is the session of the subject that it lives by');
      await db.fork().transactional((tx) => endSessions(tx, clock.now(), { user: id }, 'password_changed'));
      t.same(await readStatuses(db, subject, byBert), [valid, revoked], 'who has another password has nothing left');
    });

    await t.test(
      'RFC 8693 §1.1: an impersonation ends with its client and with who acts, and is revoked alone',
      async (t) => {
        const dora = await s.user('dora');
        await s.user('ellen');
        await s.assign(dora, signet, 'auth.impersonate_user');
        const asEllen = { audience: 'polls', requested_subject: 'ellen', reason: 'ticket 4711' };
        const { token } = await s.http.logIn('dora', { audience: 'signet' });
        const { token: ellens } = await s.http.logIn('ellen', { audience: 'polls' });
        const [one, two] = [
          await exchangeToken(helpDesk, token, asEllen),
          await exchangeToken(helpDesk, token, asEllen),
        ];
        await s.post('revoke', { token: one }, helpDesk);
        t.same(await readStatuses(db, token, ellens, one, two), [valid, valid, suspended, valid]);
        await update(helpDesk, { isActive: false });
        t.same(await readStatuses(db, token, ellens, two), [valid, valid, revoked]);
        await update(helpDesk, { isActive: true });
        const three = await exchangeToken(helpDesk, token, asEllen);
        await updateUser(db.fork(), audit(), dora, { isActive: false });
        t.same(await readStatuses(db, ellens, three), [valid, revoked]);
      },
    );

    await t.test(
      'docs/freshness.md: 1,000 exchanges have one status index, and so have 20 concurrent first ones',
      async (t) => {
        const subject = await subjectToken();
        const before = await db.fork().count(TokenStatus);
        const made = await Promise.all(Array.from({ length: 20 }, () => exchangeToken(backend, subject, LEDGER)));
        t.equal(new Set(made.map((one) => jwtClaims(one).jti)).size, 20);
        for (let round = 0; round < 98; round++)
          await Promise.all(Array.from({ length: 10 }, () => exchangeToken(backend, subject, LEDGER)));
        t.equal((await db.fork().count(TokenStatus)) - before, 1);
        // The same client acts again and again: the chain in the token grows, the number of status indexes does not.
        let last = await exchangeToken(backend, subject);
        for (let round = 0; round < 10; round++) last = await exchangeToken(backend, last);
        t.equal((await db.fork().count(TokenStatus)) - before, 2);
      },
    );

    await t.test('a status index in use is kept, an unused one is purged while its session lives on', async (t) => {
      const { token, cookie } = await s.http.logIn('alice', { audience: 'polls' });
      const idle = await exchangeToken(backend, token);
      const used = await exchangeToken(outside, token);
      const held = async () => {
        await purgeTokens(db, clock.now());
        const count = (made: string) => db.fork().count(TokenStatus, readStatusIndex(made));
        return [await count(token), await count(idle), await count(used)];
      };
      for (let minutes = 0; minutes < 95; minutes += 5) {
        clock.pass(300);
        const next = (await s.http.as({ cookie }).json('/api/v1/token', { audience: 'polls' })).json().access_token;
        const latest = await exchangeToken(outside, next);
        t.same(readStatusIndex(latest), readStatusIndex(used), 'the same index');
        const { expiresAt } = await db.fork().findOneOrFail(TokenStatus, readStatusIndex(latest));
        t.ok(expiresAt.getTime() / 1000 >= jwtClaims(latest).exp + 300, 'and it outlives every token in it');
        if (minutes === 70) t.same(await held(), [1, 1, 1]);
      }
      t.same(await held(), [1, 0, 1]);
    });

    await t.test(
      'docs/freshness.md: an exchange while the client is changed is refused, or has the new rights',
      { skip: db.engine === 'embedded' ? 'one connection: nothing happens at once' : false },
      async (t) => {
        const shop = await s.service('Shop', { isFirstParty: false, requests: [polls], serves: [polls] });
        await s.allow(shop, polls, 'polls.add_choice', 'polls.view_choice');
        const subject = await subjectToken();
        const meanwhile = async (change: (tx: ReturnType<Database['fork']>) => Promise<unknown>) => {
          let asking: ReturnType<typeof s.exchange> | undefined;
          await db.fork().transactional(async (tx) => {
            await change(tx);
            asking = s.exchange(shop, subject);
            await waitForLocks(db);
          });
          return (await asking) as Awaited<ReturnType<typeof s.exchange>>;
        };
        const lowered = await meanwhile(async (tx) =>
          disallowPermissions(tx, audit(), { id: shop.principal }, await s.choicePermissions('add')),
        );
        t.same(jwtClaims(lowered.json().access_token).permissions, ['polls.view_choice'], lowered.body);
        t.same(await readStatuses(db, lowered.json().access_token), [valid]);
        await db.fork().execute('delete from tokens_status where through is not null');
        const disabled = await meanwhile((tx) =>
          updateClient(tx, audit(), { id: shop.principal }, { isActive: false }),
        );
        t.equal(disabled.statusCode, 401, disabled.body);
      },
    );
  }),
);
