import { type Api, findApi, readRights, setRole } from '../../../src/permissions/index.ts';
import type { Database } from '../../../src/platform/database/index.ts';
import { findUser, renameUser, type User, updateUser, userPrincipal } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { audit, makeUser, naturalise, now, project, type Row, runImport, userRow } from './dumps.ts';

// docs/guides/django-import.md, "Superusers": who rules a Django site rules Signet only where the run itself says so.

await onEachEngine(t, async (t, db) => {
  await updateUser(db.fork(), audit, await makeUser(db, 'operator'), { isSuperuser: true });
  const start = async (superusers: 'api' | 'global', fields = {}) => {
    const made = project([userRow(1, 'ada', fields)]);
    const { audience } = made;
    await runImport(db, made.rows, { audience, superusers });
    const rows = structuredClone(made.rows) as Row[];
    const ada = async () => (await findUser(db.fork(), `ada-${made.tag}`)) as User;
    const update = (django: Record<string, unknown>, options = {}) => {
      Object.assign(rows.find((one) => one.model === 'auth.user')?.fields as object, django);
      return runImport(db, rows, { audience, existing: 'update', ...options });
    };
    return { audience, ada, update };
  };
  const atApi = async (db: Database, audience: string, user: User) =>
    readRights(db, userPrincipal(user), (await findApi(db.fork(), audience))?.id as string, now);

  await t.test(
    'a superuser made in Django since is one of Signet only by --superusers global of that run',
    async (t) => {
      const it = await start('global', { is_staff: true });
      const report = await it.update({ is_superuser: true });
      t.match(await it.ada(), { isStaff: true, isSuperuser: false });
      t.match(report, { applied: [], keptHere: [{ record: 'auth.user 1', fields: ['is_superuser'] }] });
      t.match(await it.update({}, { superusers: 'global' }), { applied: [{ fields: ['is_superuser'] }] });
      t.match(await it.ada(), { isSuperuser: true });
      t.match(await it.update({ is_superuser: false, is_staff: false }), {
        takenAway: [{ fields: ['is_staff', 'is_superuser'] }],
      });
      t.match(await it.ada(), { isStaff: false, isSuperuser: false }, 'what is lost is lost without it');
    },
  );

  await t.test('flags that Signet gave are not taken for those of an import of an earlier version', async (t) => {
    const it = await start('api', { is_staff: true, is_superuser: true });
    await db.fork().execute('update imports_record set imported = null where source = ?', [it.audience]);
    await updateUser(db.fork(), audit, await it.ada(), { isStaff: true });
    await it.update({});
    await it.update({ is_superuser: false });
    t.match(await it.ada(), { isStaff: true, isSuperuser: false });
    t.match(await atApi(db, it.audience, await it.ada()), { isSuperuser: false }, 'it is taken where it was put');
    await it.update({ is_superuser: true }, { superusers: 'global' });
    t.match(await it.ada(), { isSuperuser: false }, 'and given back there');
    t.match(await atApi(db, it.audience, await it.ada()), { isSuperuser: true });
  });

  await t.test('a renamed user is remembered once, whatever form of keys a dump has', async (t) => {
    const it = project([userRow(1, 'ada')]);
    await runImport(db, it.rows, { audience: it.audience });
    const ada = (await findUser(db.fork(), `ada-${it.tag}`)) as User;
    await renameUser(db.fork(), audit, ada, `adele-${it.tag}`);
    const rows = structuredClone(it.rows) as Row[];
    Object.assign(rows.at(-1)?.fields as object, { is_superuser: true });
    const options = { audience: it.audience, existing: 'update' } as const;
    await runImport(db, naturalise(rows, { primary: true }), options);
    t.match(await atApi(db, it.audience, ada), { isSuperuser: true });
    const api = (await findApi(db.fork(), it.audience)) as Api;
    await setRole(db.fork(), audit, { id: ada.id, label: 'ada' }, api, { isStaff: false, isSuperuser: false });
    t.match(await runImport(db, rows, options), { applied: [] });
    t.match(await atApi(db, it.audience, ada), { isSuperuser: false }, 'what Signet took since is not given back');
  });
});
