import { describeReport } from '../../../src/cli/commands/import-django-text.ts';
import { addMembers, findApi, getGroup, readGroups, readRights } from '../../../src/permissions/index.ts';
import { findUser, type User, userPrincipal } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import {
  audit,
  catchRefusedImport,
  makeUser,
  now,
  picture,
  project,
  type Row,
  readPermissions,
  runImport,
  userRow,
} from './dumps.ts';

// docs/guides/django-import.md, "What --existing does": what Django took is taken, whatever else of a record cannot be brought.

/** What Django may say of a user in the place of a name that Signet takes. */
const NAMES: readonly [string, unknown][] = [
  ['zero width', 'a\u200bda'],
  ['too long', 'y'.repeat(151)],
  ['empty', ''],
  ['an id', '0b1c2d3e-0000-4000-8000-000000000000'],
  ['a client id', 'c_something'],
  ['built in', 'signet'],
  ['quadratic', `a${'\u0300\u0316'.repeat(15_000)}`],
  ['none', null],
  ['no text', ['ada']],
];

/** What else of a record may be unfit. */
const FIELDS: readonly [string, Record<string, unknown>][] = [
  ['an address', { email: 'n/a' }],
  ['a hash', { password: 'bogus' }],
  ['no hash', { password: null }],
  ['a costly hash', { password: `pbkdf2_sha256$99999999$salt$${'A'.repeat(43)}=` }],
  ['a long first name', { first_name: 'x'.repeat(151) }],
  ['a NUL', { last_name: 'a\0b' }],
  ['dates', { date_joined: 'once', last_login: 7 }],
  ['an attribute', { picture: 'x'.repeat(20_000) }],
  ['flags', { is_active: 'perhaps', is_superuser: 'perhaps' }],
  ['lists', { groups: 'none', user_permissions: 7 }],
  ['references', { groups: [99], user_permissions: [99] }],
];

const LEFT = { is_active: false, is_staff: false, is_superuser: false, groups: [], user_permissions: [] };
const HAD = { is_staff: true, is_superuser: true, groups: [1], user_permissions: [2] };

await onEachEngine(t, async (t, db) => {
  const start = async (users: Row[]) => {
    const made = project(users);
    const { audience } = made;
    await runImport(db, made.rows, { audience });
    const rows = structuredClone(made.rows) as Row[];
    const fields = (pk: number, model = 'auth.user') =>
      rows.find((one) => one.model === model && one.pk === pk)?.fields as Record<string, unknown>;
    const user = async (name: string) => (await findUser(db.fork(), `${name}-${made.tag}`)) as User;
    const update = (more = {}) => runImport(db, rows, { audience, existing: 'update', allowUnmapped: true, ...more });
    const readUserRights = async (name: string) => {
      const found = await user(name);
      const api = await findApi(db.fork(), audience);
      const { isStaff, isSuperuser, permissions } = await readRights(db, userPrincipal(found), api?.id as string, now);
      const groups = (await readGroups(db.fork(), found.id)).map((one) => one.name);
      return { isActive: found.isActive, isStaff, isSuperuser, permissions: [...permissions].sort(), groups };
    };
    return { ...made, rows, fields, user, update, readUserRights };
  };
  const nothing = { isActive: false, isStaff: false, isSuperuser: false, permissions: [], groups: [] };

  await t.test('a known user whom Django renames to a name that is refused loses all the same', async (t) => {
    const it = await start([
      ...NAMES.map((_, index) => userRow(index + 1, `u${index}`, HAD)),
      userRow(50, 'bob', { groups: [1] }),
    ]);
    for (const [index, [, username]] of NAMES.entries())
      Object.assign(it.fields(index + 1), { ...LEFT, username, last_name: 'Brought' });
    const refusal = await catchRefusedImport(it.update({ allowUnmapped: false }));
    t.equal(refusal.report.unmapped.length, NAMES.length);
    const dry = await it.update({ dryRun: true, missing: 'deactivate' });
    const report = await it.update({ missing: 'deactivate' });
    t.same({ ...dry, dryRun: false, importId: report.importId }, report, 'a dry run tells the same');
    t.match(report, { users: { read: NAMES.length + 1, updated: NAMES.length, known: 1, unfit: 0 }, missing: [] });
    const described = describeReport(report);
    for (const [index, [why]] of NAMES.entries()) {
      const [record, name] = [`auth.user ${index + 1}`, `u${index}-${it.tag}`];
      const of = (some: readonly { record: string }[]) => some.filter((one) => one.record === record);
      t.same(await it.readUserRights(`u${index}`), nothing, why);
      t.match(await it.user(`u${index}`), { username: name, lastName: 'Brought' });
      t.match(of(report.takenAway), [{ fields: ['is_active', 'is_staff', 'is_superuser', it.group, 'polls.fly'] }]);
      t.same(of(report.applied), [{ record, name, fields: ['last_name'] }]);
      t.same(of(report.keptHere), [{ record, name, fields: ['username'] }]);
      t.match(of(report.unmapped), [{ keptName: name }], why);
      t.match(described, `It keeps the name "${name}" in Signet.`);
    }
    t.match(await it.readUserRights('bob'), { isActive: true, groups: [it.group] });
    const before = await picture(db.fork());
    const again = await it.update();
    t.equal(again.importId, null, 'a second run has nothing to write');
    t.equal(again.keptHere.length, NAMES.length, 'and says the names again');
    t.same(await picture(db.fork()), before);
  });

  await t.test('a known user of whom something else cannot be kept loses all the same', async (t) => {
    const it = await start(FIELDS.map((_, index) => userRow(index + 1, `u${index}`, HAD)));
    for (const [index, [, unfit]] of FIELDS.entries()) Object.assign(it.fields(index + 1), LEFT, unfit);
    await it.update();
    for (const [index, [what]] of FIELDS.entries()) t.same(await it.readUserRights(`u${index}`), nothing, what);
  });

  await t.test('a refused name of somebody who is not known is refused as ever, with one note', async (t) => {
    const it = await start([userRow(1, 'ada')]);
    it.rows.push(userRow(9, 'c_new', { ...HAD, groups: [1, 99], email: 'n/a' }));
    const report = await it.update();
    t.match(report, { users: { read: 2, created: 0, known: 1, unfit: 1 } });
    t.same(
      report.unmapped.map((one) => [one.record, one.name]),
      [['auth.user 9', 'c_new']],
    );
    t.same(report.unkept, []);
    t.match(report.renames, [{ record: 'auth.user 9' }]);
  });

  await t.test('a user who came by another name needs no file of renames to lose what Django takes', async (t) => {
    const { audience, tag, rows: all } = project([]);
    const rows = [...all, userRow(1, `c_${tag}`, HAD)];
    const renames = { name: 'renames.csv', text: `record,name,new_name\nauth.user 1,c_${tag},see-${tag}\n` };
    await runImport(db, rows, { audience, renames });
    const quiet = await runImport(db, rows, { audience, existing: 'update' });
    t.match(quiet, { importId: null, unmapped: [], renames: [], users: { known: 1, unfit: 0 } }, 'its name is known');
    Object.assign(rows.at(-1)?.fields as object, LEFT);
    await runImport(db, rows, { audience, existing: 'update' });
    t.match(await findUser(db.fork(), `see-${tag}`), { isActive: false });
  });

  for (const [why, name] of [
    ['too long', 'x'.repeat(151)],
    ['of control characters', 'a\tb'],
    ['empty', ' '],
    ['missing', null],
  ] as const)
    await t.test(
      `a known group whose new name is ${why} keeps its name, and what Django took of it is taken`,
      async (t) => {
        const it = await start([userRow(1, 'ada', { groups: [1] }), userRow(2, 'bob', { groups: [1] })]);
        const own = await makeUser(db, `own-${it.tag}`);
        await addMembers(db.fork(), audit, await getGroup(db.fork(), it.group), [{ id: own.id, label: 'own' }]);
        Object.assign(it.fields(1, 'auth.group'), { name, permissions: [2] });
        Object.assign(it.fields(2), { groups: [] });
        const report = await it.update();
        t.same(
          report.unmapped.map((one) => one.record),
          ['auth.group 1'],
          'and no member is said to have lost it',
        );
        t.match(report, {
          groups: { read: 1, updated: 1, unfit: 0 },
          takenAway: [
            { record: 'auth.group 1', fields: ['polls.add_question'] },
            { record: 'auth.user 2', fields: [it.group] },
          ],
          keptHere: [{ record: 'auth.group 1', name: it.group, fields: ['name'] }],
        });
        t.match(
          await it.readUserRights('ada'),
          { groups: [it.group], permissions: ['polls.fly'] },
          'a member stays one',
        );
        t.match(await it.readUserRights('bob'), { groups: [], permissions: [] });
        t.same(
          await readPermissions(db, own.username, it.audience),
          ['polls.fly'],
          "a member of Signet's own loses it too",
        );
        t.equal((await it.update()).importId, null, 'a second run has nothing to write');
      },
    );
});
