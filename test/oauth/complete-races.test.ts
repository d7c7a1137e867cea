import { LockMode } from '@mikro-orm/core';
import { AuthorizationCode, Consent } from '../../src/oauth/authorization-entities.ts';
import { revokeConsent } from '../../src/oauth/index.ts';
import { onEachEngine } from '../support/database.ts';
import { waited } from '../support/locks.ts';
import t from '../support/tap.ts';
import { hiddenFields, responseParameters } from '../web/browser.ts';
import { webWorld } from '../web/world.ts';

// What happens to one agreement at the same time; the embedded engine has one connection, and no such time.

await onEachEngine(t, async (t, db) => {
  const skip = db.engine === 'embedded' ? 'it has one connection' : false;
  const s = await webWorld(db);
  const { third } = s;
  const redeem = (code: unknown) => s.redeem(String(code), {}, third);
  /** A consent page, and its form. */
  const asked = async () => {
    const alice = await s.signedIn();
    const page = await s.ask(alice, third, { prompt: 'consent' });
    const form = { ...hiddenFields(page.response.body), decision: 'allow' };
    return () => alice.send('POST', page.url, form);
  };
  /** While a row is held, each of these comes to where it waits for it, one after the other; then the row is let go. */
  const inTurn = async <T>(
    hold: (tx: ReturnType<typeof db.fork>) => Promise<unknown>,
    works: readonly (() => Promise<T>)[],
  ) => {
    const [held, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = db.fork().transactional(async (tx) => {
      await hold(tx);
      held.resolve();
      await done.promise;
    });
    await held.promise;
    // Outside of that transaction, which the ORM would nest theirs in.
    const begun: Promise<T>[] = [];
    for (const work of works) {
      begun.push(work());
      await waited(db, begun.length);
    }
    done.resolve();
    await holding;
    return Promise.all(begun);
  };

  await t.test(
    'docs/decisions/0014: a repetition that waited for the redemption says that it is over',
    { skip },
    async (t) => {
      const send = await asked();
      const { code } = responseParameters(await send());
      const row = await s.rowOf(code);
      const hold = (tx: ReturnType<typeof db.fork>) =>
        tx.findOneOrFail(AuthorizationCode, row.digest, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const answers = await inTurn(hold, [() => redeem(code), async () => (await send()).response]);
      t.same(
        answers.map((one) => one.statusCode),
        [200, 200],
      );
      t.match(answers[1]?.body, /You are signed in/);
    },
  );

  await t.test(
    'RFC 9700 §4.5 (A11): a consent that is taken back while a yes is under way leaves no code of it',
    { skip },
    async (t) => {
      await (await asked())();
      const send = await asked();
      const which = { principal: s.alice.id, client: third.principal };
      const hold = (tx: ReturnType<typeof db.fork>) =>
        tx.find(Consent, which, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const takeBack = () =>
        db
          .fork()
          .transactional((tx) => revokeConsent(tx, which.principal, which.client, 'ended_by_user', s.clock.now()));
      const [sent] = await inTurn<unknown>(hold, [send, takeBack]);
      const { code } = responseParameters(sent as Awaited<ReturnType<typeof send>>);
      t.ok(code, 'the yes was first');
      t.equal(await db.fork().count(Consent, which), 0, 'and is taken back');
      t.match((await redeem(code)).json(), { error: 'invalid_grant' });
    },
  );
});
