import { randomBytes } from 'node:crypto';
import { AuthorizationCode, Replay, StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { purgeOauth } from '../../src/oauth/index.ts';
import { plusSeconds } from '../../src/platform/time.ts';
import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);

  await t.test(
    'one-time values are deleted, each in its time: a code a day later, so that a reuse is recognised (A10)',
    async (t) => {
      const alice = await s.signedInBrowser();
      await s.answer(alice, s.web);
      await s.ask(alice, s.third);
      const em = db.fork();
      em.persist(em.create(Replay, { digest: randomBytes(32), expiresAt: plusSeconds(s.clock.now(), 60) }));
      await em.flush();
      const left = async () => {
        const at = db.fork();
        return [await at.count(AuthorizationCode), await at.count(StoredRequest), await at.count(Replay)];
      };
      const after = (seconds: number) => purgeOauth(db, plusSeconds(s.clock.now(), seconds));
      await after(360);
      t.same(await left(), [1, 1, 1]);
      await after(361);
      t.same(await left(), [1, 1, 0]);
      await after(1800 + 3600);
      t.same(await left(), [1, 1, 0]);
      await after(1800 + 3601);
      t.same(await left(), [1, 0, 0]);
      await after(60 + 86_400);
      t.same(await left(), [1, 0, 0]);
      await after(60 + 86_401);
      t.same(await left(), [0, 0, 0]);
    },
  );
});
