import { pino } from 'pino';
import { AuditEvent, purgeEvents, recordEvent } from '../../src/audit/index.ts';
import { readConfig } from '../../src/platform/config/index.ts';
import { type Database, PURGE_BATCH, PURGE_ROUNDS } from '../../src/platform/database/index.ts';
import { createJobs } from '../../src/server/jobs.ts';
import { onEachEngine } from '../support/database.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';

const now = new Date('2026-11-22T12:34:56Z');
const DAYS = 30;
const BOUND = '2026-10-23T00:00:00.000Z';
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);

const fill = (db: Database, rows: number, at: Date) =>
  db
    .fork()
    .execute("insert into audit_event (at, kind) select ?::timestamptz, 'login' from generate_series(1, ?)", [
      at,
      rows,
    ]);
const logins = (db: Database) => db.fork().count(AuditEvent, { kind: 'login' });
const notes = async (db: Database) =>
  (await db.fork().find(AuditEvent, { kind: 'events_purged' }, { orderBy: { id: 'asc' } })).map(
    ({ at, userId, nameTried, ip, detail }) => ({ at, userId, nameTried, ip, detail }),
  );

await onEachEngine(t, async (t, db) => {
  const note = (count: number) => ({
    at: now,
    userId: null,
    nameTried: null,
    ip: null,
    detail: { count, before: BOUND },
  });
  t.afterEach(() => db.fork().nativeDelete(AuditEvent, {}));

  await t.test('events older than whole days are purged; one event says how many went, and up to when', async (t) => {
    await fill(db, 2 * PURGE_BATCH + 7, ago(31));
    await fill(db, 1, new Date('2026-10-22T23:59:59.999Z'));
    await fill(db, 2, new Date(BOUND));
    await fill(db, 3, ago(1));
    t.equal(await purgeEvents(db, now, DAYS), 2 * PURGE_BATCH + 8);
    t.equal(await logins(db), 5);
    t.same(await notes(db), [note(2 * PURGE_BATCH + 8)]);
    t.equal(await purgeEvents(db, now, DAYS), 0);
    t.same(await notes(db), [note(2 * PURGE_BATCH + 8)], 'a run that purges nothing says nothing');
  });

  await t.test('a run is bounded, and the next one goes on', async (t) => {
    const most = PURGE_BATCH * PURGE_ROUNDS;
    await fill(db, most + 5, ago(40));
    t.equal(await purgeEvents(db, now, DAYS), most);
    t.equal(await purgeEvents(db, now, DAYS), 5);
    t.same(await notes(db), [note(most), note(5)]);
    t.equal(await logins(db), 0);
  });

  await t.test('processes that purge at once hinder nobody, and what they say sums up', async (t) => {
    await fill(db, 3 * PURGE_BATCH, ago(40));
    const gone = await Promise.all([
      purgeEvents(db, now, DAYS),
      purgeEvents(db, now, DAYS),
      purgeEvents(db, now, DAYS),
    ]);
    t.equal(gone.reduce((sum, one) => sum + one) + (await purgeEvents(db, now, DAYS)), 3 * PURGE_BATCH);
    const told = (await notes(db)).map(({ detail }) => (detail as { count: number }).count);
    t.equal(
      told.reduce((sum, one) => sum + one),
      3 * PURGE_BATCH,
    );
  });

  await t.test('SIGNET_AUDIT_RETENTION: days; without it every event is kept for ever', async (t) => {
    const findJob = (environment: Record<string, string | undefined>) => {
      const config = readConfig('production', environment);
      const deps = { db, config, clock: { now: () => now, sleepUntil: async () => {} }, issuer: 'https://id.example' };
      const log = pino({ level: 'silent' });
      const jobs = createJobs({ ...deps, log, keys: undefined as never }, Buffer.alloc(32));
      return jobs.find((one) => one.name === 'purge-audit');
    };
    for (const environment of [{}, { SIGNET_AUDIT_RETENTION: '' }, { SIGNET_AUDIT_RETENTION: '0' }])
      t.equal(findJob(environment), undefined);
    const em = db.fork();
    recordEvent(em, ago(8), { kind: 'logout' });
    recordEvent(em, audit(now).at, { kind: 'login' });
    await em.flush();
    await findJob({ SIGNET_AUDIT_RETENTION: '7' })?.run(new AbortController().signal);
    t.same(
      (await db.fork().find(AuditEvent, {}, { orderBy: { id: 'asc' } })).map((one) => one.kind),
      ['login', 'events_purged'],
    );
    t.throws(() => readConfig('production', { SIGNET_AUDIT_RETENTION: 'P7D' }), /SIGNET_AUDIT_RETENTION/);
  });
});
