import {
  type Api,
  addMembers,
  assign,
  createGroup,
  findApi,
  getGroup,
  getPermissions,
  readGroups,
  readRights,
  renameGroup,
  setRole,
} from '../../../src/permissions/index.ts';
import { Session } from '../../../src/sessions/index.ts';
import { findUser, type User, updateUser, userPrincipal } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { audit, makeUser, now, picture, project, type Row, readPermissions, runImport, userRow } from './dumps.ts';

// docs/guides/django-import.md, "What --existing does": of what an earlier version imported, what Django took is taken all the same.

const HAD = { is_staff: true, is_superuser: true, groups: [1], user_permissions: [2] };
const LEFT = { is_active: false, is_staff: false, is_superuser: false, groups: [], user_permissions: [] };

await onEachEngine(t, async (t, db) => {
  await updateUser(db.fork(), audit, await makeUser(db, 'operator'), { isSuperuser: true });

  const start = async (users: Row[], options = {}) => {
    const made = project(users);
    const { audience } = made;
    await runImport(db, made.rows, { audience, ...options });
    await db.fork().execute('update imports_record set imported = null where source = ?', [audience]);
    const rows = structuredClone(made.rows) as Row[];
    const fields = (pk: number, model = 'auth.user') =>
      rows.find((one) => one.model === model && one.pk === pk)?.fields as Record<string, unknown>;
    const user = async (name: string) => (await findUser(db.fork(), `${name}-${made.tag}`)) as User;
    const named = async (name: string) => ({ id: (await user(name)).id, label: name });
    const update = (more = {}) => runImport(db, rows, { audience, existing: 'update', ...more });
    const api = (await findApi(db.fork(), audience)) as Api;
    const readUserRights = async (name: string) => {
      const found = await user(name);
      const { isStaff, isSuperuser, permissions } = await readRights(db, userPrincipal(found), api.id, now);
      const groups = (await readGroups(db.fork(), found.id)).map((one) => one.name).sort();
      return { isActive: found.isActive, isStaff, isSuperuser, permissions: [...permissions].sort(), groups };
    };
    return { ...made, rows, fields, user, named, update, api, readUserRights };
  };
  const nothing = { isActive: false, isStaff: false, isSuperuser: false, permissions: [], groups: [] };
  const forget = (source: string) =>
    db.fork().execute(`delete from audit_entry where "after"->>'source' = ?`, [source]);

  for (const superusers of ['api', 'global'] as const)
    for (const isLogged of [true, false])
      await t.test(
        `all that Django took is taken (flags of ${superusers}, ${isLogged ? 'with' : 'without'} an edit log), and nothing is given or edited`,
        async (t) => {
          const it = await start([userRow(1, 'ada', HAD), userRow(2, 'bob'), userRow(3, 'cyd', HAD)], { superusers });
          if (!isLogged) await forget(it.audience);
          const session = crypto.randomUUID();
          const later = new Date(now.getTime() + 86_400_000);
          const times = { authTime: now, createdAt: now, lastSeenAt: now, idleExpiresAt: later, expiresAt: later };
          const em = db.fork();
          const owner = (await it.user('ada')).id;
          em.persist(
            em.create(Session, {
              ...{ id: session, tokenDigest: Buffer.from(session), user: owner, passwordEpoch: 1, amr: ['pwd'] },
              ...times,
            }),
          );
          await em.flush();
          Object.assign(it.fields(1), LEFT, { first_name: 'New' });
          Object.assign(it.fields(2), { is_superuser: true, groups: [1], user_permissions: [2], last_name: 'New' });
          Object.assign(it.fields(1, 'auth.group'), { permissions: [2] });
          const dry = await it.update({ dryRun: true });
          const report = await it.update();
          t.same({ ...dry, dryRun: false, importId: report.importId }, report, 'a dry run tells the same');
          t.match(report, {
            groups: { updated: 1 },
            users: { updated: 1, known: 2 },
            applied: [],
            takenAway: [
              { record: 'auth.group 1', fields: ['polls.add_question'] },
              {
                record: 'auth.user 1',
                fields: ['is_active', 'is_staff', 'is_superuser', it.group, 'polls.fly'],
              },
            ],
            changedInDump: [
              { record: 'auth.group 1', fields: ['permissions'] },
              { record: 'auth.user 1', fields: ['first_name'] },
              { record: 'auth.user 2', fields: ['last_name', 'is_superuser', 'groups', 'user_permissions'] },
            ],
          });
          t.same(await it.readUserRights('ada'), nothing);
          t.match(await it.user('ada'), { firstName: '', isStaff: false, isSuperuser: false });
          t.match(await db.fork().findOneOrFail(Session, session), { endedReason: 'deactivated' });
          t.same(await it.readUserRights('bob'), { ...nothing, isActive: true }, 'nothing is given');
          t.match(await it.readUserRights('cyd'), { isSuperuser: true, isActive: true, groups: [it.group] });
          const before = await picture(db.fork());
          const again = await it.update();
          t.match(again, { importId: null, takenAway: [] }, 'a second run has nothing to write');
          t.equal(again.changedInDump.length, 3, 'and reports what it did not bring');
          t.same(await picture(db.fork()), before);
        },
      );

  await t.test('what an administrator of Signet gave by hand stays, as the edit log tells', async (t) => {
    const it = await start([
      userRow(1, 'ada', { is_active: false }),
      userRow(2, 'bob'),
      userRow(3, 'cyd', { groups: [1] }),
    ]);
    const em = db.fork();
    await updateUser(em, audit, await it.user('ada'), { isActive: true });
    await updateUser(em, audit, await it.user('bob'), { isSuperuser: true, isStaff: true });
    await setRole(em, audit, await it.named('ada'), it.api, { isStaff: true, isSuperuser: false });
    const own = await createGroup(em, audit, `Own ${it.tag}`);
    await addMembers(em, audit, await getGroup(em, it.group), [await it.named('ada')]);
    await addMembers(em, audit, own, [await it.named('ada'), await it.named('cyd')]);
    await assign(
      em,
      audit,
      { kind: 'user', principal: await it.named('ada') },
      await getPermissions(em, it.api, ['polls.fly']),
    );
    for (const pk of [1, 2, 3]) Object.assign(it.fields(pk), { last_name: 'New' });
    Object.assign(it.fields(3), { groups: [] });
    const report = await it.update();
    t.match(report, { takenAway: [{ record: 'auth.user 3', fields: [it.group] }] });
    t.equal(report.takenAway.length, 1);
    t.match(await it.readUserRights('ada'), { isActive: true, isStaff: true, groups: [it.group, own.name] });
    t.ok((await it.readUserRights('ada')).permissions.includes('polls.fly'));
    t.match(await it.user('bob'), { isSuperuser: true, isStaff: true });
    t.match(await it.readUserRights('cyd'), { groups: [own.name] });
  });

  await t.test(
    'what is given back in Signet after it was taken stays, though Django never gives it back',
    async (t) => {
      const it = await start([userRow(1, 'ada', HAD)]);
      Object.assign(it.fields(1), LEFT);
      await it.update();
      const em = db.fork();
      await updateUser(em, audit, await it.user('ada'), { isActive: true });
      await setRole(em, audit, await it.named('ada'), it.api, { isStaff: true, isSuperuser: false });
      await addMembers(em, audit, await getGroup(em, it.group), [await it.named('ada')]);
      t.match(await it.update(), { importId: null, takenAway: [] });
      t.match(await it.readUserRights('ada'), { isActive: true, isStaff: true, groups: [it.group] });
    },
  );

  await t.test('a membership is known by the group, however Signet and Django have named it since', async (t) => {
    const it = await start([userRow(1, 'ada', { groups: [1] }), userRow(2, 'bob', { groups: [1] })]);
    await renameGroup(db.fork(), audit, await getGroup(db.fork(), it.group), `Renamed ${it.tag}`);
    Object.assign(it.fields(1, 'auth.group'), { name: `Django's ${it.tag}` });
    Object.assign(it.fields(2), { groups: [] });
    t.match(await it.update(), { takenAway: [{ record: 'auth.user 2', fields: [`Renamed ${it.tag}`] }] });
    t.match(await it.readUserRights('bob'), { groups: [] });
    t.match(await it.readUserRights('ada'), { groups: [`Renamed ${it.tag}`] });
    const without = it.rows.filter((one) => one.model !== 'auth.group');
    const group = { model: 'auth.group', pk: 9, fields: { name: `Other ${it.tag}`, permissions: [] } };
    Object.assign(it.fields(1), { groups: [9] });
    await runImport(db, [...without, group], { audience: it.audience, existing: 'update' });
    t.match(await it.readUserRights('ada'), { groups: [] }, 'and when Django has deleted it');
  });

  await t.test('a known user of an earlier version whose new name is refused loses all the same', async (t) => {
    const it = await start([userRow(1, 'ada', HAD), userRow(2, 'bob')]);
    Object.assign(it.fields(1), LEFT, { username: 'c_ada' });
    Object.assign(it.fields(1, 'auth.group'), { name: ' ', permissions: [] });
    const report = await it.update({ allowUnmapped: true, missing: 'deactivate' });
    t.match(report, { missing: [], users: { updated: 1, known: 1, unfit: 0 }, groups: { updated: 1, unfit: 0 } });
    t.same(await it.readUserRights('ada'), nothing);
    t.same(await readPermissions(db, `ada-${it.tag}`, it.audience), []);
  });
});
