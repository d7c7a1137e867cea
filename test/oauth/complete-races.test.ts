import { LockMode } from '@mikro-orm/core';
import { AuthorizationCode, Consent } from '../../src/oauth/authorization-entities.ts';
import { revokeConsent } from '../../src/oauth/index.ts';
import { hiddenFields, responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { waitForLocks } from '../support/locks.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

// Concurrent operations on one consent. The embedded engine has one connection, and so no concurrency.

await onEachEngine(t, async (t, db) => {
  const skip = db.engine === 'embedded' ? 'it has one connection' : false;
  const s = await openPolls(db);
  const { third } = s;
  const redeem = (code: unknown) => s.redeem(String(code), {}, third);
  /** Opens a consent page; returns a function that sends its form. */
  const openConsent = async () => {
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, third, { prompt: 'consent' });
    const form = { ...hiddenFields(page.response.body), decision: 'allow' };
    return () => alice.send('POST', page.url, form);
  };
  /** Starts each task while a row is locked, waits until it waits for the lock, and then releases the row. */
  const inTurn = async <T>(
    lock: (tx: ReturnType<typeof db.fork>) => Promise<unknown>,
    tasks: readonly (() => Promise<T>)[],
  ) => {
    const [locked, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const transaction = db.fork().transactional(async (tx) => {
      await lock(tx);
      locked.resolve();
      await done.promise;
    });
    await locked.promise;
    // Outside of the locking transaction, in which the ORM would nest theirs.
    const started: Promise<T>[] = [];
    for (const task of tasks) {
      started.push(task());
      await waitForLocks(db, started.length);
    }
    done.resolve();
    await transaction;
    return Promise.all(started);
  };

  await t.test(
    'docs/decisions/0014: a repetition that waited for the redemption says that it is over',
    { skip },
    async (t) => {
      const send = await openConsent();
      const { code } = responseParameters(await send());
      const row = await s.codeRow(code);
      const lock = (tx: ReturnType<typeof db.fork>) =>
        tx.findOneOrFail(AuthorizationCode, row.digest, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const answers = await inTurn(lock, [() => redeem(code), async () => (await send()).response]);
      t.same(
        answers.map((one) => one.statusCode),
        [200, 200],
      );
      t.match(answers[1]?.body, /You are signed in/);
    },
  );

  await t.test(
    'RFC 9700 §4.5 (A11): a consent that is revoked while an approval is under way leaves no code',
    { skip },
    async (t) => {
      await (await openConsent())();
      const send = await openConsent();
      const which = { principal: s.alice.id, client: third.principal };
      const lock = (tx: ReturnType<typeof db.fork>) =>
        tx.find(Consent, which, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const revoke = () =>
        db
          .fork()
          .transactional((tx) => revokeConsent(tx, which.principal, which.client, 'ended_by_user', s.clock.now()));
      const [sent] = await inTurn<unknown>(lock, [send, revoke]);
      const { code } = responseParameters(sent as Awaited<ReturnType<typeof send>>);
      t.ok(code, 'the yes was first');
      t.equal(await db.fork().count(Consent, which), 0, 'and is taken back');
      t.match((await redeem(code)).json(), { error: 'invalid_grant' });
    },
  );
});
