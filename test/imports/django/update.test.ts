import { AuditEntry, AuditEvent } from '../../../src/audit/index.ts';
import { describeReport } from '../../../src/cli/commands/import-django-text.ts';
import {
  addMembers,
  createGroup,
  findApi,
  getGroup,
  Principal,
  readGroups,
  readRights,
  removeMembers,
  setRole,
} from '../../../src/permissions/index.ts';
import type { Database } from '../../../src/platform/database/index.ts';
import { Session } from '../../../src/sessions/index.ts';
import { setPassword } from '../../../src/signin/index.ts';
import { findUser, type User, updateUser, userPrincipal } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import {
  audit,
  catchRefusal,
  catchRefusedImport,
  now,
  picture,
  project,
  type Row,
  readPermissions,
  runImport,
  userRow,
} from './dumps.ts';

// docs/guides/django-import.md: rehearsal and cut-over.

const NEW_HASH = 'md5$other$00112233445566778899aabbccddeeff';

async function readStoredPassword(db: Database, id: string): Promise<string> {
  const [row] = await db.fork().execute<{ password: string }[]>('select password from users_user where id = ?', [id]);
  return row?.password ?? '';
}

async function openSession(db: Database, user: string): Promise<string> {
  const em = db.fork();
  const id = crypto.randomUUID();
  const later = new Date(now.getTime() + 86_400_000);
  const times = { authTime: now, createdAt: now, lastSeenAt: now, idleExpiresAt: later, expiresAt: later };
  em.persist(em.create(Session, { id, tokenDigest: Buffer.from(id), user, passwordEpoch: 1, amr: ['pwd'], ...times }));
  await em.flush();
  return id;
}

await onEachEngine(t, async (t, db) => {
  const start = async (users: Row[], options = {}) => {
    const made = project(users);
    await runImport(db, made.rows, { audience: made.audience, ...options });
    const rows = structuredClone(made.rows) as Row[];
    const fields = (pk: number, model = 'auth.user') =>
      rows.find((one) => one.model === model && one.pk === pk)?.fields as Record<string, unknown>;
    const user = async (name: string) => (await findUser(db.fork(), `${name}-${made.tag}`)) as User;
    const update = (more = {}) =>
      runImport(db, rows, { audience: made.audience, existing: 'update', ...options, ...more });
    const again = async (more = {}) => {
      const before = await picture(db.fork());
      const report = await update(more);
      t.equal(report.importId, null, 'a second run has nothing to write');
      t.same([report.applied, report.takenAway], [[], []]);
      t.same(await picture(db.fork()), before, 'and changes nothing');
      return report;
    };
    return { ...made, rows, fields, user, update, again };
  };
  const lines = (some: readonly { record: string; fields: readonly string[] }[]) =>
    some.map((one) => `${one.record}: ${one.fields.join(', ')}`);

  await t.test('what changed in Django alone is brought, once', async (t) => {
    const it = await start([
      userRow(1, 'ada', { groups: [1], email: 'ada@up.test' }),
      userRow(2, 'bob', { is_active: false }),
      userRow(3, 'cyd', { is_staff: true, user_permissions: [2] }),
    ]);
    const [ada, bob, cyd] = [await it.user('ada'), await it.user('bob'), await it.user('cyd')];
    const session = await openSession(db, ada.id);
    Object.assign(it.fields(1), {
      first_name: 'Ada',
      email: 'ada2@up.test',
      password: NEW_HASH,
      user_permissions: [1],
      plan: 'gold',
    });
    Object.assign(it.fields(2), { is_active: true, username: `robert-${it.tag}` });
    Object.assign(it.fields(3), { is_staff: false, is_superuser: true, user_permissions: [], groups: [1] });
    Object.assign(it.fields(1, 'auth.group'), { name: `Writers ${it.tag}`, permissions: [2] });
    Object.assign(it.fields(2, 'auth.permission'), { name: 'Can fly high' });
    const dry = await it.update({ dryRun: true });
    const report = await it.update();
    t.same({ ...dry, dryRun: false, importId: report.importId }, report, 'a dry run tells the same');
    t.same(lines(report.applied), [
      'auth.permission 2: label',
      'auth.group 1: name, permissions',
      'auth.user 1: email, first_name, attributes, password, user_permissions',
      'auth.user 2: username, is_active',
      'auth.user 3: is_superuser, groups',
    ]);
    t.same(lines(report.takenAway), ['auth.group 1: polls.add_question', 'auth.user 3: is_staff, polls.fly']);
    t.match(report, { users: { updated: 3, known: 0 }, groups: { updated: 1 }, permissions: { updated: 1, known: 1 } });
    const fresh = await it.user('ada');
    t.match(fresh, {
      firstName: 'Ada',
      email: 'ada2@up.test',
      emailVerifiedAt: null,
      passwordEpoch: 2,
      attributes: { plan: 'gold' },
    });
    t.equal(await readStoredPassword(db, ada.id), NEW_HASH);
    t.match(await db.fork().findOneOrFail(Session, session), { endedReason: 'password_changed' });
    t.equal((await it.user('robert')).id, bob.id);
    t.equal((await it.user('robert')).isActive, true);
    t.same(await readPermissions(db, `ada-${it.tag}`, it.audience), ['polls.add_question', 'polls.fly']);
    t.same(
      (await readGroups(db.fork(), cyd.id)).map((one) => one.name),
      [`Writers ${it.tag}`],
    );
    const api = await findApi(db.fork(), it.audience);
    t.match(await readRights(db, userPrincipal(cyd), api?.id as string, now), { isSuperuser: true, isStaff: false });
    const [entry] = await db.fork().find(AuditEntry, { objectId: bob.id }, { orderBy: { id: 'desc' }, limit: 1 });
    t.match(entry, {
      action: 'import',
      before: { username: `bob-${it.tag}`, isActive: false },
      after: { isActive: true },
    });
    t.match(await db.fork().findOne(AuditEvent, { userId: ada.id, kind: 'password_changed' }), {});
    t.match(describeReport(report), /Updated \(5\).*Removed, as in Django \(2\)/s);
    await it.again();
    const plain = await runImport(db, it.rows, { audience: it.audience });
    t.same(
      [plain.changedInDump, plain.changedInSignet, plain.importId],
      [[], [], null],
      'a plain run sees no difference either',
    );
  });

  await t.test('what changed in Signet stays, and what changed on both sides too, listed', async (t) => {
    const it = await start([userRow(1, 'ada', { email: 'ada@both.test' }), userRow(2, 'bob', { groups: [1] })]);
    const em = db.fork();
    await updateUser(em, audit, await it.user('ada'), { email: 'signet@both.test', firstName: 'Own' });
    const owner = await it.user('ada');
    await em.transactional((tx) => setPassword(tx, audit, owner, '!ours', null));
    await removeMembers(em, audit, await getGroup(em, it.group), [{ id: (await it.user('bob')).id, label: 'bob' }]);
    Object.assign(it.fields(1), { email: 'django@both.test', password: NEW_HASH, last_name: 'New' });
    const report = await it.update();
    t.same(lines(report.applied), ['auth.user 1: last_name']);
    t.same(lines(report.keptHere), ['auth.user 1: email, password']);
    t.same(lines(report.changedInSignet), ['auth.user 1: first_name', 'auth.user 2: groups']);
    t.match(await it.user('ada'), { email: 'signet@both.test', firstName: 'Own', lastName: 'New' });
    t.equal(await readStoredPassword(db, (await it.user('ada')).id), '!ours');
    t.same(
      await readGroups(db.fork(), (await it.user('bob')).id),
      [],
      'a membership that Signet took is not given back',
    );
    const second = await it.again();
    t.same(lines(second.keptHere), ['auth.user 1: email, password'], 'and said again');
  });

  await t.test('a password that a login has upgraded here is not brought back', async (t) => {
    const it = await start([userRow(1, 'ada')]);
    const ada = await it.user('ada');
    await db.fork().execute('update users_user set password = ? where id = ?', ['!upgraded', ada.id]);
    t.same((await it.update()).changedInSignet, [], 'an upgrade alone is no change');
    Object.assign(it.fields(1), { password: NEW_HASH });
    t.same(lines((await it.update()).keptHere), ['auth.user 1: password']);
    t.match(await it.user('ada'), { passwordEpoch: 1 });
  });

  await t.test('deactivation, lost flags and lost memberships apply over a change in Signet', async (t) => {
    const it = await start([
      userRow(1, 'ada', { is_superuser: true, is_staff: true, groups: [1], user_permissions: [1, 2] }),
    ]);
    const em = db.fork();
    const ada = await it.user('ada');
    const api = (await findApi(em, it.audience)) as NonNullable<Awaited<ReturnType<typeof findApi>>>;
    await setRole(em, audit, { id: ada.id, label: 'ada' }, api, { isStaff: false, isSuperuser: false });
    await setRole(em, audit, { id: ada.id, label: 'ada' }, api, { isStaff: true, isSuperuser: true });
    const own = await createGroup(em, audit, `Own ${it.tag}`);
    await addMembers(em, audit, own, [{ id: ada.id, label: 'ada' }]);
    await updateUser(em, audit, ada, { isActive: false });
    await updateUser(em, audit, await it.user('ada'), { isActive: true });
    const session = await openSession(db, ada.id);
    const version = (await db.fork().findOneOrFail(Principal, ada.id)).permsVersion;
    Object.assign(it.fields(1), { is_superuser: false, is_active: false, groups: [], user_permissions: [2] });
    const report = await it.update();
    t.same(lines(report.takenAway), [`auth.user 1: is_active, is_superuser, ${it.group}, polls.add_question`]);
    t.match(await it.user('ada'), { isActive: false });
    t.match(await db.fork().findOneOrFail(Session, session), { endedReason: 'deactivated' });
    t.same(
      (await readGroups(db.fork(), ada.id)).map((one) => one.name),
      [own.name],
      "a group of Signet's own stays",
    );
    t.ok(
      (await db.fork().findOneOrFail(Principal, ada.id)).permsVersion > version,
      'what was computed before is stale',
    );
    await it.again();
  });

  await t.test('nobody whom Signet deactivated is activated; whom an import deactivated is', async (t) => {
    const it = await start([
      userRow(1, 'ada'),
      userRow(2, 'bob'),
      userRow(3, 'cyd'),
      userRow(4, 'dee', { is_active: false }),
    ]);
    const set = async (name: string, isActive: boolean) =>
      updateUser(db.fork(), audit, await it.user(name), { isActive });
    await set('ada', false);
    for (const pk of [1, 2, 3]) Object.assign(it.fields(pk), { is_active: false });
    await it.update();
    await set('cyd', true);
    await set('cyd', false);
    for (const pk of [1, 2, 3, 4]) Object.assign(it.fields(pk), { is_active: true });
    const report = await it.update();
    t.same(lines(report.keptHere), ['auth.user 1: is_active', 'auth.user 3: is_active']);
    t.same(await Promise.all(['ada', 'bob', 'cyd', 'dee'].map(async (name) => (await it.user(name)).isActive)), [
      false,
      true,
      false,
      true,
    ]);
    await it.again();
  });

  await t.test('a changed address loses its verification unless --trust-emails', async (t) => {
    for (const trustEmails of [false, true]) {
      const users = [1, 2, 3].map((pk) =>
        userRow(pk, `mail${pk}`, { email: `m${pk}-${trustEmails}-${db.engine}@mail.test` }),
      );
      const it = await start(users, { trustEmails: true });
      t.ok((await it.user('mail1')).emailVerifiedAt);
      Object.assign(it.fields(1), { email: `m2-${trustEmails}-${db.engine}@mail.test` });
      Object.assign(it.fields(2), { email: `m1-${trustEmails}-${db.engine}@mail.test` });
      Object.assign(it.fields(3), { email: `new-${trustEmails}-${db.engine}@mail.test` });
      await it.update({ trustEmails });
      t.equal((await it.user('mail3')).emailVerifiedAt !== null, trustEmails);
      t.equal((await it.user('mail1')).email, `m2-${trustEmails}-${db.engine}@mail.test`, 'two may change addresses');
      t.equal((await it.user('mail1')).emailVerifiedAt, null, 'an address that somebody here had is not proved');
      await it.again({ trustEmails });
    }
  });

  await t.test('names: two may change theirs with each other; one that somebody else has is a conflict', async (t) => {
    const it = await start([userRow(1, 'ada'), userRow(2, 'bob'), userRow(3, 'cyd')]);
    const ids = [(await it.user('ada')).id, (await it.user('bob')).id];
    Object.assign(it.fields(1), { username: `bob-${it.tag}` });
    Object.assign(it.fields(2), { username: `ada-${it.tag}` });
    it.rows.push(userRow(9, `new-${it.tag}`));
    t.match(await it.update(), { users: { updated: 2, created: 1, known: 1 } });
    t.same([(await it.user('bob')).id, (await it.user('ada')).id], ids);
    const other = project([userRow(1, 'other')]);
    await runImport(db, other.rows, { audience: other.audience });
    Object.assign(it.fields(3), { username: `other-${other.tag}` });
    const { report } = await catchRefusedImport(it.update());
    t.match(report, { conflicts: [{ record: 'auth.user 3' }], renames: [{ record: 'auth.user 3' }] });
    const text = `record,name,new_name\nauth.user 3,other-${other.tag},third-${it.tag}\n`;
    const renames = { name: 'renames.csv', text };
    t.match(await it.update({ renames }), { users: { updated: 1 } });
    t.equal((await it.user('third')).username, `third-${it.tag}`);
    await it.again();
    await it.again({ renames });
  });

  await t.test(
    'users and groups that are gone from the dump are reported, and deactivated only when it is said',
    async (t) => {
      const it = await start([userRow(1, 'ada'), userRow(2, 'bob', { is_active: false }), userRow(3, 'cyd')]);
      const session = await openSession(db, (await it.user('ada')).id);
      const back = it.rows.filter((one) => one.model === 'auth.user' && one.pk === 1);
      it.rows.splice(0, it.rows.length, ...it.rows.filter((one) => one.model !== 'auth.user' || one.pk === 3));
      const report = await it.again();
      t.same(
        report.missing.map(({ record, code }) => `${record} ${code}`),
        ['auth.user 1 record_missing', 'auth.user 2 missing_user_inactive'],
      );
      t.equal((await it.user('ada')).isActive, true);
      const dry = await it.update({ missing: 'deactivate', dryRun: true });
      t.match(dry.missing, [{ code: 'missing_user_deactivated' }, {}]);
      await it.update({ missing: 'deactivate' });
      t.equal((await it.user('ada')).isActive, false);
      t.match(await db.fork().findOneOrFail(Session, session), { endedReason: 'deactivated' });
      await it.again({ missing: 'deactivate' });
      it.rows.push(...back);
      await it.update();
      t.equal((await it.user('ada')).isActive, true, 'who comes back is active again');
      const without = it.rows.filter((one) => one.model !== 'auth.user');
      const options = { audience: it.audience, existing: 'update', missing: 'deactivate' } as const;
      t.equal((await catchRefusal(runImport(db, without, options))).code, 'missing_without_users');
      const later = await catchRefusal(runImport(db, it.rows, { ...options, existing: 'fail' }));
      t.equal(later.code, 'missing_without_update');
    },
  );

  await t.test('what an earlier version imported is compared by its digest, and then by field', async (t) => {
    const it = await start([userRow(1, 'ada', { groups: [1] }), userRow(2, 'bob')]);
    await db.fork().execute('update imports_record set imported = null where source = ?', [it.audience]);
    Object.assign(it.fields(2), { first_name: 'New' });
    const report = await it.update();
    t.same(lines(report.changedInDump), ['auth.user 2: first_name'], 'nobody can tell who changed it: reported');
    Object.assign(it.fields(1), { first_name: 'Ada', groups: [] });
    t.match(await it.update(), { applied: [{ fields: ['first_name'] }], takenAway: [{ fields: [it.group] }] });
  });

  await t.test('a user who was changed between the comparison and the transaction refuses all of it', async (t) => {
    const it = await start([userRow(1, 'ada'), userRow(2, 'bob')]);
    Object.assign(it.fields(1), { first_name: 'Ada' });
    const em = db.fork();
    const ada = await it.user('ada');
    await em.execute(
      `create function meddle() returns trigger language plpgsql as $$ begin
         update users_user set last_name = 'Meanwhile' where id = '${ada.id}'; return null; end $$`,
    );
    await em.execute('create trigger meddle after insert on imports_staged_row execute function meddle()');
    const refusal = await catchRefusal(it.update());
    await em.execute('drop function meddle() cascade');
    t.match(refusal, { code: 'changed_during_import', params: { change: 'object_changed' } });
    t.match(await it.user('ada'), { firstName: '', lastName: 'Meanwhile' });
    t.match((await picture(db.fork()))['imports_staged_row'], /^0 /);
  });
});
