import { describeReport } from '../../../src/cli/commands/import-django-text.ts';
import { findSourceId } from '../../../src/imports/index.ts';
import { isUsable } from '../../../src/passwords/index.ts';
import { findUser, User } from '../../../src/users/index.ts';
import { openTestEmbedded } from '../../support/database.ts';
import t from '../../support/tap.ts';
import {
  catchRefusal,
  catchRefusedImport,
  dumpText,
  naturalise,
  type Row,
  readRows,
  runImport,
  smallProject,
  userRow,
} from './dumps.ts';

const db = await openTestEmbedded();
t.teardown(() => db.close());

/** What a file is refused with; dry, so that nothing is left for the next test. */
const refusal = (dump: string | readonly Row[], options: Parameters<typeof runImport>[2] = {}) =>
  catchRefusal(runImport(db, dump, { audience: 'refused', dryRun: true, ...options }));

const dry = (rows: readonly Row[], options = {}) => runImport(db, rows, { audience: 'dry', dryRun: true, ...options });

/** The texts name the file and the command that writes a complete dump of this model: test/cli/import-messages.test.ts. */
const dump = { file: 'dump.json', userModel: 'auth.user' };

await t.test('a file that is no dump is refused with what it is', async (t) => {
  const others = JSON.stringify(readRows().filter((one) => one.model === 'admin.logentry'));
  const cases: [string, string, string, object?][] = [
    ['an empty file', '', 'dump_empty'],
    ['XML', '<?xml version="1.0"?><django-objects/>', 'dump_not_json', { start: /^<\?xml/ }],
    ['a dump that was cut off', dumpText.slice(0, 20_000), 'dump_not_json', { hasEnd: false }],
    [
      'what settings print',
      `Loading settings…\n${dumpText}`,
      'dump_not_json',
      { start: /^Loading settings/, hasEnd: true },
    ],
    ['UTF-16 of a Windows shell', dumpText.slice(0, 50).split('').join('\0'), 'dump_not_text'],
    ['an object', '{"model": "auth.user"}', 'dump_not_a_list'],
    ['a list of something else', '[{"name": "ada"}]', 'dump_record_invalid', { entry: 1 }],
    ['fields that are none', '[{"model": "auth.user", "pk": 1, "fields": []}]', 'dump_record_invalid', { entry: 1 }],
    ['no records', '[]', 'dump_without_records'],
    ['records of others', others, 'dump_without_records'],
  ];
  for (const [name, text, code, params] of cases)
    t.match(await refusal(text), { code, params: { ...dump, ...params } }, name);
  t.match(
    await runImport(db, `\ufeff${dumpText}`, { audience: 'dry', dryRun: true }),
    { users: { created: 60 } },
    'a byte order mark is none of its business',
  );
});

await t.test('a dump that refers to tables it lacks is refused by the name of the table', async (t) => {
  const rows = readRows();
  for (const model of ['contenttypes.contenttype', 'auth.permission', 'auth.group']) {
    const error = await refusal(rows.filter((one) => one.model !== model));
    t.match(error, { code: 'dump_table_missing', params: { ...dump, model } });
  }
  const noReferences = naturalise(rows, { primary: false });
  t.match(
    await dry(noReferences.filter((one) => one.model !== 'contenttypes.contenttype')),
    { permissions: { created: 61 } },
    'natural keys say what content types would',
  );
  const numeric = naturalise(rows, { primary: true }).map((one) =>
    one.model === 'auth.user' ? { ...one, fields: { ...one.fields, groups: [1] } } : one,
  );
  t.match(
    await refusal(numeric),
    { code: 'dump_table_missing', params: { model: 'auth.group' } },
    'numbers cannot be followed in a dump without primary keys',
  );
});

await t.test('natural keys: permissions as [codename, app, model], content types as [app, model]', async (t) => {
  for (const primary of [true, false]) {
    const report = await dry(naturalise(readRows(), { primary }));
    t.match(report, {
      permissions: { created: 61 },
      groups: { created: 6 },
      users: { created: 60 },
      unmapped: [],
      added: { memberships: 110, groupPermissions: 57, userPermissions: 160 },
    });
  }
});

await t.test('references that lead nowhere, and names that have no place, are listed by record', async (t) => {
  const report = await dry([
    ...smallProject,
    { model: 'auth.permission', pk: 3, fields: { name: 'Tab', content_type: 1, codename: 'a\tb' } },
    { model: 'auth.permission', pk: 4, fields: { name: 'Stray', content_type: 9, codename: 'stray' } },
    { model: 'auth.permission', pk: 5, fields: { name: 'Odd, but fit', content_type: 1, codename: ' Fly. Ünïcode ' } },
    { model: 'auth.group', pk: 2, fields: { name: 'x'.repeat(151), permissions: [] } },
    { model: 'auth.group', pk: 3, fields: { name: 'Lost', permissions: [99, 3] } },
    userRow(1, 'nul\0', {}),
    userRow(2, '', {}),
    userRow(3, 'y'.repeat(151), {}),
    userRow(4, 'zero\u200bwidth', {}),
    userRow(5, 'ada', {
      groups: [2, 77],
      user_permissions: [98],
      email: 'n/a',
      is_staff: 'perhaps',
      date_joined: 'once',
      first_name: 'a\0b',
    }),
    userRow(6, 'ﬁne', { is_superuser: 'True', date_joined: '2022-08-10T18:32:23.123456' }),
    userRow(7, 'bob@site.test', { email: 'bob@site.test' }),
    userRow(8, 'dee@site.test', {}),
    userRow(9, 'BOB@site.test '.trim().replace('BOB', 'eve'), { email: 'dee@site.test' }),
  ]);
  t.same(
    report.unmapped.map(({ record, code, params }) => [record, code, params]),
    [
      ['auth.permission 3', 'identifier_unprintable', { part: 'codename' }],
      ['auth.permission 4', 'reference_not_in_dump', { field: 'content_type', reference: '9' }],
      ['auth.group 2', 'group_name_too_long', { max: 150 }],
      ['auth.group 3', 'reference_not_in_dump', { field: 'permission', reference: '99' }],
      ['auth.group 3', 'reference_not_imported', { field: 'permission', reference: '3' }],
      ['auth.user 1', 'username_unprintable', {}],
      ['auth.user 2', 'username_empty', {}],
      ['auth.user 3', 'username_too_long', { max: 150 }],
      ['auth.user 4', 'username_unprintable', {}],
      ['auth.user 5', 'reference_not_in_dump', { field: 'permission', reference: '98' }],
      ['auth.user 5', 'reference_not_imported', { field: 'group', reference: '2' }],
      ['auth.user 5', 'reference_not_in_dump', { field: 'group', reference: '77' }],
      ['auth.user 5', 'flag_invalid', { field: 'is_staff' }],
    ],
    'people, groups and rights',
  );
  t.same(
    report.unkept.map(({ record, code, params }) => [record, code, params]),
    [
      ['auth.user 5', 'field_not_storable', { field: 'first_name' }],
      ['auth.user 5', 'field_invalid', { field: 'email', value: 'n/a', reason: 'invalid' }],
      ['auth.user 5', 'date_invalid', { field: 'date_joined' }],
    ],
    'and fields of less weight',
  );
  t.match(report, {
    permissions: { read: 5, created: 3, unfit: 2 },
    groups: { read: 3, created: 2, unfit: 1 },
    users: { read: 9, created: 5, unfit: 4 },
    datesWithoutZone: 1,
  });
  t.same(report.superusers.names, ['ﬁne']);
  t.same(report.respelled, [
    { record: 'auth.user 6', name: 'ﬁne', code: 'name_normalized', params: { storedName: 'fine' } },
  ]);
  t.same(
    report.addressLikeNames.map(({ record, code, params }) => [record, code, params]),
    [
      ['auth.user 8', 'username_is_email', { record: 'auth.user 9' }],
      ['auth.user 9', 'username_like_email', {}],
    ],
    'a name before an address at login; one that is its own address meets nobody',
  );
  t.notMatch(describeReport(report), /[\0\u200b]/, 'and no terminal meets a control character');
});

await t.test('permissions of one name under two content types become one, reported', async (t) => {
  const rows: Row[] = [
    ...smallProject,
    { model: 'contenttypes.contenttype', pk: 2, fields: { app_label: 'polls', model: 'choice' } },
    { model: 'auth.permission', pk: 7, fields: { name: 'Can fly too', content_type: 2, codename: 'fly' } },
    userRow(1, 'merged-ada', { user_permissions: [7] }),
    userRow(2, 'merged-bob', { user_permissions: [2, 7] }),
  ];
  const report = await runImport(
    db,
    rows.map((one) => (one.model === 'auth.group' ? { ...one, fields: { ...one.fields, name: 'Merged' } } : one)),
    { audience: 'merged' },
  );
  t.same(report.merged, [
    { name: 'polls.fly', records: ['auth.permission 2', 'auth.permission 7'], models: ['question', 'choice'] },
  ]);
  t.match(report, { permissions: { read: 3, created: 2, merged: 1 }, added: { userPermissions: 2 } });
  const stored = await db
    .fork()
    .execute(
      'select q.name, q.label from permissions_permission q join permissions_api i on i.id = q.api_id where i.audience = ? order by index',
      ['merged'],
    );
  t.same(stored, [
    { name: 'polls.add_question', label: 'Can add question' },
    { name: 'polls.fly', label: 'Can fly' },
  ]);
  const known = await db.fork().execute("select 1 from imports_record where source = 'merged' and kind = 'permission'");
  t.equal(known.length, 3, 'each record is remembered');
});

await t.test(
  'passwords beyond the bounds, malformed and empty are imported unusable and listed by record',
  async (t) => {
    const salt = 'c2FsdHNhbHRzYWx0c2FsdA';
    const overBounds = (bound: string, value: number, max: number) => ({
      code: 'password_over_bounds',
      params: { bound, value, max },
    });
    const passwords: [unknown, object | null][] = [
      ['md5$salt$0123456789abcdef0123456789abcdef', null],
      ['!unusable', null],
      ['', { code: 'password_empty' }],
      [null, { code: 'password_missing' }],
      [12, { code: 'password_missing' }],
      ['correct horse', { code: 'password_unreadable' }],
      [`pbkdf2_sha256$4000001$salt$${'A'.repeat(43)}=`, overBounds('pbkdf2Iterations', 4_000_001, 4_000_000)],
      [
        `argon2$argon2id$v=19$m=524288,t=2,p=8$${salt}$${'A'.repeat(43)}`,
        { params: { bound: 'argon2MemoryKiB', value: 524_288 } },
      ],
    ];
    const rows = passwords.map(([password], index) => userRow(index + 1, `password-${index}`, { password }));
    const report = await runImport(db, rows, { audience: 'passwords' });
    t.equal(report.passwords.unusable.length, 6);
    for (const [index, [password, problem]] of passwords.entries()) {
      const listed = report.passwords.unusable.find((one) => one.record === `auth.user ${index + 1}`);
      const user = await db.fork().findOneOrFail(User, { username: `password-${index}` }, { populate: ['password'] });
      if (problem === null) t.equal(user.password, password);
      else {
        t.match(listed, problem);
        t.notOk(isUsable(user.password));
      }
    }
    t.notMatch(JSON.stringify(report), /0123456789abcdef/, 'no hash is in the report');
  },
);

await t.test('unknown models are counted, extra fields of a user are kept as attributes', async (t) => {
  const extra = { phone: '+49', tags: ['a', { b: null }], nul: 'a\0', constructor: 1 };
  const text = JSON.stringify([
    userRow(1, 'extra-ada', extra),
    { model: 'sessions.session', pk: 'x', fields: {} },
    { model: '__proto__', pk: 1, fields: {} },
    { model: 'polls.question', pk: 1, fields: {} },
    { model: 'polls.question', pk: 2, fields: {} },
  ]).replace('"phone"', '"__proto__":{"isSuperuser":true},"phone"');
  const report = await runImport(db, text, { audience: 'extra' });
  t.same(Object.entries(report.unknownModels), [
    ['__proto__', 1],
    ['polls.question', 2],
    ['sessions.session', 1],
  ]);
  t.same(Object.entries(report.attributes).sort(), [
    ['__proto__', 1],
    ['constructor', 1],
    ['phone', 1],
    ['tags', 1],
  ]);
  t.same(report.unmapped, []);
  t.match(report.unkept, [{ record: 'auth.user 1', code: 'attribute_not_storable', params: { field: 'nul' } }]);
  const [row] = await db
    .fork()
    .execute<{ text: string }[]>("select attributes::text as text from users_user where username = 'extra-ada'");
  t.same(
    JSON.parse(row?.text ?? ''),
    JSON.parse('{"__proto__":{"isSuperuser":true},"phone":"+49","tags":["a",{"b":null}],"constructor":1}'),
  );
  t.match(await runImport(db, text, { audience: 'extra' }), {
    importId: null,
    users: { known: 1 },
    changedInSignet: [],
  });
});

await t.test('--user-model: a custom user model is named in the refusal, and imported when it is given', async (t) => {
  const member: Row = {
    model: 'members.member',
    pk: '6f1c1c52-9c80-4c5c-a4ec-7f6e3c0f8c11',
    fields: { password: '!', email: 'Ada@Site.test', is_superuser: true, full_name: 'Ada', groups: [1] },
  };
  const group: Row = { model: 'auth.group', pk: 1, fields: { name: 'Members', permissions: [] } };
  const otherModel = { code: 'user_model_not_in_dump', params: { candidates: ['members.member'] } };
  t.match(await refusal([group, member]), otherModel);
  t.match(await refusal([group, member], { userModel: 'members.admin' }), otherModel);
  t.match(await refusal([group, { ...userRow(1, 'ada'), model: 'auth.user' }], { userModel: 'members.member' }), {
    code: 'user_model_not_in_dump',
    params: { userModel: 'members.member', candidates: ['auth.user'] },
  });
  t.match(await refusal([group], { userModel: 'members.member' }), {
    code: 'dump_without_users',
    params: { userModel: 'members.member' },
  });
  t.match(await refusal([group, member], { userModel: 'members' }), {
    code: 'user_model_malformed',
    params: { label: 'members' },
  });
  t.match(await refusal([group, member], { userModel: 'auth.group' }), { code: 'user_model_invalid' });
  const report = await runImport(db, [group, member], { audience: 'members', userModel: 'members.Member' });
  t.match(report, { users: { created: 1 }, attributes: { full_name: 1 }, addressLikeNames: [] });
  const user = await findUser(db.fork(), 'ada@site.test');
  t.match(
    user,
    { username: 'Ada@Site.test', email: 'Ada@Site.test', isActive: true, isSuperuser: false },
    'a model without usernames goes by e-mail',
  );
  t.equal(await findSourceId(db, 'members', user?.id as string), member.pk, 'its primary key is its source id');
});

await t.test('primary keys beyond 2^53 stay apart', async (t) => {
  const rows = [userRow(1, 'long-ada'), userRow(2, 'long-bob')];
  const text = JSON.stringify(rows)
    .replace('"pk":1', '"pk": 9007199254740993')
    .replace('"pk":2', '"pk": 9007199254740992');
  const report = await runImport(db, text, { audience: 'long' });
  t.match(report, { users: { created: 2 }, conflicts: [] });
  t.same(await db.fork().execute("select source_pk from imports_record where source = 'long' order by source_pk"), [
    { source_pk: '"9007199254740992"' },
    { source_pk: '"9007199254740993"' },
  ]);
});

await t.test('two records of one key are a conflict', async (t) => {
  const twice = [userRow(1, 'key-ada'), userRow(1, 'key-bob')];
  const { report } = await catchRefusedImport(runImport(db, twice, { audience: 'keys' }));
  t.match(report.conflicts, [{ record: 'auth.user 1', name: 'key-bob', code: 'key_repeated' }]);
});
