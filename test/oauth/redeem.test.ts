import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Client } from '../../src/oauth/entities.ts';
import { disallowPermissions, updateClient } from '../../src/oauth/index.ts';
import { deleteApi, unassign } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { RefreshGrant, TokenStatus } from '../../src/tokens/index.ts';
import { updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

t.test('what redeems a code', (t) =>
  onEachEngine(t, async (t, db) => {
    /** Called before each attempt to redeem a code, with the status index that it would allocate. */
    let attempted = async (_index: { list: number; idx: number }): Promise<void> => {};
    const query: Database['query'] = async (statement, values) => {
      const [list, idx] = values.slice(4, 6) as [number, number];
      if (statement.name === 'tokens-redeem-oauth_code') await attempted({ list, idx });
      return db.query(statement, values);
    };
    const s = await openPolls({ ...db, query });
    const { code, redeem, introspect, web, third, alice, clock } = s;
    const { at } = s;
    const live = () => db.fork().count(RefreshGrant, { endedAt: null });

    await t.test(
      'RFC 6749 §4.1.2 (A10): of two that use a code at once one wins, and what it won is ended',
      async (t) => {
        const given = await code();
        const answers = await Promise.all([redeem(given), redeem(given)]);
        t.same(answers.map((one) => one.statusCode).sort(), [200, 400]);
        const won = answers.find((one) => one.statusCode === 200);
        t.same(await introspect(won?.json().access_token), { active: false });
      },
    );

    await t.test('docs/freshness.md: a status index that is taken is not allocated again', async (t) => {
      const indexes: { list: number; idx: number }[] = [];
      attempted = async (index) => {
        const one = { ...index, holder: alice.id, api: s.polls.id, principal: alice.id, expiresAt: clock.now() };
        if (indexes.push(index) === 1) await db.fork().insert(TokenStatus, { ...one, isCurrent: false });
      };
      const answer = await redeem(await code());
      t.equal(answer.statusCode, 200, answer.body);
      const { status_list: status } = jwtClaims(answer.json().access_token).status;
      t.equal(indexes.length, 2, 'one more attempt');
      t.equal(status.idx, indexes[1]?.idx);
      t.equal((await introspect(answer.json().access_token)).active, true);
      attempted = async () => {};
    });

    /** Redeems a code during a concurrent change, and returns whether it waited for the end of the change. */
    const during = async (change: (tx: SqlEntityManager) => Promise<unknown>, given: string, by = web) => {
      let isDone = false;
      const answering = await db.fork().transactional(async (tx) => {
        await change(tx);
        const redeeming = redeem(given, {}, by).then((answer) => {
          isDone = true;
          return answer;
        });
        // Many times longer than it takes without waiting.
        await sleep(300);
        return { redeeming, hasWaited: !isDone };
      });
      return { hasWaited: answering.hasWaited, answer: await answering.redeeming };
    };
    const skip = db.engine === 'embedded' ? 'one connection: nothing happens at once' : false;

    await t.test(
      'docs/freshness.md: rights that are taken while a code is redeemed are not in its token',
      { skip },
      async (t) => {
        const [change] = await s.choicePermissions('change');
        const { hasWaited, answer } = await during(
          (tx) => unassign(tx, at(), s.asUser, [change as never]),
          await code(),
        );
        t.ok(hasWaited);
        t.equal(answer.statusCode, 200, answer.body);
        t.same(jwtClaims(answer.json().access_token).permissions, ['polls.add_choice', 'polls.view_choice']);
        t.equal((await introspect(answer.json().access_token)).active, true);
      },
    );

    await t.test('docs/oauth.md: nor are rights outside of a lowered boundary', { skip }, async (t) => {
      const [view] = await s.choicePermissions('view');
      const client = await db.fork().findOneOrFail(Client, third.principal);
      const permissions = (await s.choicePermissions('add', 'view')).map((one) => one.id);
      const given = await code(third, { permissions });
      const { hasWaited, answer } = await during(
        (tx) => disallowPermissions(tx, at(), client, [view as never]),
        given,
        third,
      );
      t.ok(hasWaited);
      t.equal(answer.statusCode, 200, answer.body);
      t.same(jwtClaims(answer.json().access_token).permissions, ['polls.add_choice']);
    });

    await t.test(
      'docs/oauth.md: who logs out, is locked out or disabled at that moment leaves no grant behind',
      { skip },
      async (t) => {
        const refusals: [string, (tx: SqlEntityManager) => Promise<unknown>][] = [
          ['the session', (tx) => endSessions(tx, clock.now(), { id: s.session.id }, 'logout')],
          ['the client', (tx) => updateClient(tx, at(), { id: web.principal }, { isActive: false })],
          ['the user', (tx) => updateUser(tx, at(), alice, { isActive: false })],
        ];
        for (const [whose, change] of refusals) {
          const session = (await s.signIn()).session.id;
          const of = whose === 'the session' ? s.session.id : session;
          const given = await code(web, { session: of });
          await db.fork().nativeDelete(RefreshGrant, {});
          const { hasWaited, answer } = await during(change, given);
          t.ok(hasWaited, whose);
          t.not(answer.statusCode, 200, `${whose}: ${answer.body}`);
          t.equal(await live(), 0, whose);
          await s.updateClient(web, { isActive: true });
        }
        await updateUser(db.fork(), at(), alice, { isActive: true });
      },
    );

    await t.test('docs/permissions.md: nor does an API that goes', { skip }, async (t) => {
      const { session } = await s.signIn();
      const given = await code(web, { session: session.id });
      await db.fork().nativeDelete(RefreshGrant, {});
      const { hasWaited, answer } = await during((tx) => deleteApi(tx, at(), s.polls, async () => undefined), given);
      t.ok(hasWaited);
      t.same([answer.statusCode, answer.json().error], [400, 'invalid_grant']);
      t.equal(await db.fork().count(RefreshGrant), 0);
    });
  }),
);
