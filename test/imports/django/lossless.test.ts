import { describeRefusal, describeReport } from '../../../src/cli/commands/import-django-text.ts';
import { decodeDump } from '../../../src/imports/django/index.ts';
import { DomainError } from '../../../src/platform/errors.ts';
import { findUser, User } from '../../../src/users/index.ts';
import { openTestEmbedded } from '../../support/database.ts';
import t from '../../support/tap.ts';
import {
  catchRefusal,
  catchRefusedImport,
  makeUser,
  picture,
  type Row,
  runImport,
  smallProject,
  userRow,
} from './dumps.ts';

// docs/guides/django-import.md: nothing is lost in silence.

const db = await openTestEmbedded();
t.teardown(() => db.close());

const dry = (rows: readonly Row[] | string, options = {}) =>
  runImport(db, rows, { audience: 'dry', dryRun: true, ...options });

function refused(bytes: Buffer): DomainError {
  try {
    decodeDump(bytes, 'dump.json', 'auth.user');
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

t.test(
  'RFC 3629 §4: a dump that is not UTF-8 is refused by byte and line, with the command that writes it',
  async (t) => {
    const text = `[\n${JSON.stringify(userRow(1, 'müller'))}\n]`;
    const windows = refused(Buffer.from(text, 'latin1'));
    const offset = text.indexOf('ü');
    const dump = { file: 'dump.json', userModel: 'auth.user' };
    t.match(windows, { code: 'dump_not_utf8', params: { ...dump, offset, line: 2, byte: 0xfc } });
    const marked = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
    for (const bytes of [marked, Buffer.from(marked).swap16(), Buffer.from(text, 'utf16le')])
      t.match(refused(bytes), { code: 'dump_other_encoding', params: { encoding: 'UTF-16' } });
    t.equal(
      decodeDump(Buffer.from(`\ufeff${text}`), 'dump.json', 'auth.user'),
      text,
      'a byte order mark of UTF-8 is none of its business',
    );
    const broken: [string, number[]][] = [
      ['an overlong form', [0xc0, 0xaf]],
      ['a surrogate', [0xed, 0xa0, 0x80]],
      ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
      ['a byte that is none', [0xff]],
      ['a sequence cut off', [0xe2, 0x82]],
      ['a stray continuation', [0x80]],
      ['an overlong form of three', [0xe0, 0x80, 0x80]],
    ];
    for (const [name, bytes] of broken)
      t.match(
        refused(Buffer.concat([Buffer.from('["ü€😀'), Buffer.from(bytes), Buffer.from('"]')])),
        { code: 'dump_not_utf8', params: { offset: 11, line: 1 } },
        name,
      );
  },
);

t.test(
  "RFC 8259 §6: the NaN and Infinity of Python's json are read, listed where they stood, and nowhere else",
  async (t) => {
    const text = JSON.stringify([
      userRow(1, 'ada', { score: 'NAN', first_name: 'NaN, Infinity: [NaN, "NaN"' }),
      userRow(2, 'bob', { score: 'INF', list: ['MINUS', 1] }),
    ])
      .replace('"NAN"', 'NaN')
      .replace('"INF"', ' Infinity')
      .replace('"MINUS"', '-Infinity');
    const report = await dry(text);
    t.match(report, { users: { created: 2 } });
    t.same(
      report.unkept.map(({ record, code, params }) => [record, code, params]),
      [
        ['auth.user 1', 'attribute_not_a_number', { field: 'score' }],
        ['auth.user 2', 'attribute_not_a_number', { field: 'score' }],
        ['auth.user 2', 'attribute_not_storable', { field: 'list' }],
      ],
    );
  },
);

t.test('docs/commands.md: people, groups and rights that have no place end the import, a dry run alike', async (t) => {
  const cases: [string, Row[]][] = [
    ['a person', [userRow(1, ' ')]],
    ['a group', [{ model: 'auth.group', pk: 9, fields: { name: 'a\u202eb', permissions: [] } }]],
    ['a right', [userRow(1, 'lost-right', { user_permissions: [99] })]],
    ['a membership', [userRow(1, 'lost-member', { groups: [99] })]],
    ['a flag', [userRow(1, 'lost-flag', { is_superuser: 'perhaps' })]],
  ];
  for (const [name, rows] of cases) {
    const all = [...smallProject, ...rows];
    const before = await picture(db.fork());
    const { report } = await catchRefusedImport(runImport(db, all, { audience: 'lost' }));
    t.match(describeRefusal(report, {}), /--allow-unmapped/, name);
    t.same(await picture(db.fork()), before, 'nothing is written');
    t.equal(report.unmapped.length, 1);
    t.match(describeReport(await dry(all, { audience: 'lost' })), /--allow-unmapped/);
    t.match(await dry(all, { audience: 'lost', allowUnmapped: true }), { unmapped: [{}] });
  }
});

t.test('Unicode: joiners of Persian and of emoji are part of a name, overrides of direction are not', async (t) => {
  const names = [
    'می‌خواهم',
    'خانواده 👨‍👩‍👧',
    'क्‍ष',
    '\u200fעברית',
    '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
  ];
  const groups = names.map(
    (name, index): Row => ({ model: 'auth.group', pk: 100 + index, fields: { name, permissions: [] } }),
  );
  const users = ['علی‌رضا', '👩‍💻'].map((name, index) => userRow(100 + index, name, { first_name: 'می‌نا' }));
  const report = await runImport(db, [...groups, ...users], { audience: 'joiners' });
  t.match(report, { groups: { created: 5 }, users: { created: 2 }, unmapped: [], unkept: [], respelled: [] });
  t.equal((await findUser(db.fork(), 'علی‌رضا'))?.firstName, 'می‌نا');
  t.match(describeReport(report).includes('\\u200c'), false, 'a terminal shows them as letters');
  const hidden = ['bo\u200db', '\u200d', 'a\u200cb', 'x\u202ey', 'x\u2066y', 'x\u200by', '\u200d👩'];
  const lookalikes = await dry(hidden.map((name, index) => userRow(index + 1, name)));
  t.equal(lookalikes.unmapped.length, hidden.length, 'a joiner that nobody sees would make two usernames look alike');
});

t.test('docs/guides/django-import.md: names that meet are renamed by a file that the report writes', async (t) => {
  await makeUser(db, 'eve');
  const rows: Row[] = [
    userRow(1, 'Bob', { last_login: '2022-01-01T00:00:00Z' }),
    userRow(2, 'bob', { last_login: '2026-01-01T00:00:00Z' }),
    userRow(3, 'ｂｏｂ', { is_active: false, last_login: '2026-02-01T00:00:00Z' }),
    userRow(4, 'bob-2'),
    userRow(5, 'eve'),
    userRow(6, 'tab\there, "quoted"'),
    userRow(7, '', {}),
    { model: 'auth.group', pk: 1, fields: { name: 'Twins', permissions: [] } },
    { model: 'auth.group', pk: 2, fields: { name: 'TWINS', permissions: [] } },
  ];
  const refusal = await catchRefusedImport(runImport(db, rows, { audience: 'twins' }));
  t.match(describeRefusal(refusal.report, {}), /--renames renames\.csv writes 6 rows/);
  const { renames } = refusal.report;
  t.same(
    renames.map((one) => [one.record, one.name, one.newName]),
    [
      ['auth.user 6', 'tab\there, "quoted"', 'tabhere, "quoted"'],
      ['auth.user 7', '', 'user-7'],
      ['auth.user 1', 'Bob', 'Bob-3'],
      ['auth.user 3', 'ｂｏｂ', 'bob-4'],
      ['auth.user 5', 'eve', 'eve-2'],
      ['auth.group 2', 'TWINS', 'TWINS-2'],
    ],
    'who was there last keeps the name, and no proposal meets another name',
  );
  const { writeRenames } = await import('../../../src/imports/django/index.ts');
  const text = writeRenames(renames, undefined);
  for (const separator of [',', ';']) {
    const file = { name: 'renames.csv', text: separator === ',' ? text : text.replaceAll(/,(?! )/g, ';') };
    t.match(await dry(rows, { audience: 'twins', renames: file }), {
      conflicts: [],
      unmapped: [],
      users: { created: 7 },
    });
  }
  await runImport(db, rows, { audience: 'twins', renames: { name: 'renames.csv', text } });
  t.equal((await findUser(db.fork(), 'bob-3'))?.username, 'Bob-3');
  t.match(
    await runImport(db, rows, { audience: 'twins', renames: { name: 'renames.csv', text } }),
    { importId: null, users: { known: 7 }, changedInDump: [], changedInSignet: [] },
    'a second run knows them',
  );
  const header = 'record,name,new_name';
  const record = 'auth.user 1';
  const wrong: [string, string, object][] = [
    ['auth.user 1,Bob,Bobby', 'renames_header_missing', { header: header.split(',') }],
    [`${header}\nauth.user 99,Bob,Bobby`, 'renames_record_not_in_dump', { record: 'auth.user 99' }],
    [`${header}\nauth.user 1,Rob,Bobby`, 'renames_name_differs', { record, name: 'Rob', nameInDump: 'Bob' }],
    [`${header}\nauth.user 1,Bob,`, 'renames_name_missing', { row: 2, record }],
    [`${header}\nauth.user 1,Bob`, 'renames_row_invalid', { row: 2, fields: 2, expected: 3 }],
    [`${header}\nauth.user 1,Bob,a\nauth.user 1,Bob,b`, 'renames_record_repeated', { row: 3, record }],
    [`${header}\nauth.user 1,"Bob,a`, 'renames_unreadable', { row: 2 }],
  ];
  for (const [file, code, params] of wrong)
    t.match(
      await catchRefusal(dry(rows, { renames: { name: 'r.csv', text: file } })),
      { code, params: { file: 'r.csv', ...params } },
      file,
    );
});

const member = (pk: number, fields: Record<string, unknown>): Row => ({
  model: 'members.member',
  pk,
  fields: { password: '!', is_superuser: false, groups: [], user_permissions: [], ...fields },
});

t.test("Django's USERNAME_FIELD: recognised where the dump shows it, asked for where it does not", async (t) => {
  const custom = { userModel: 'members.member' };
  const both = [
    member(1, { username: 'ada', email: 'ada@x.test' }),
    member(2, { username: 'bob', email: 'bob@x.test' }),
  ];
  t.match(await catchRefusal(dry(both, custom)), {
    code: 'username_field_ambiguous',
    params: { userModel: 'members.member', candidates: ['username', 'email'] },
  });
  const byEmail = await dry(both, { ...custom, usernameField: 'email' });
  t.match(byEmail, { source: { usernameField: 'email' }, attributes: { username: 2 }, addressLikeNames: [] });
  t.match(describeReport(byEmail), /Users log in +by email.*usernames are kept as an attribute/s);
  t.match(await dry(both, { ...custom, usernameField: 'username' }), {
    source: { usernameField: 'username' },
    attributes: {},
  });
  const entry: Row = { model: 'admin.logentry', pk: 1, fields: { user: ['ada@x.test'] } };
  t.match(await dry([...both, entry], custom), { source: { usernameField: 'email' } }, 'natural keys show it');
  t.match(
    await dry([...both, member(3, { username: 'cyd', email: '' })], custom),
    { source: { usernameField: 'username' } },
    'a field that somebody lacks is none',
  );
  t.match(await dry([...both, member(3, { username: null, email: 'cyd@x.test' })], custom), {
    source: { usernameField: 'email' },
  });
  const phones = [member(1, { phone: '+49 1', nick: 'x' }), member(2, { phone: '+49 2', nick: 'x' })];
  t.match(await dry(phones, custom), {
    source: { usernameField: 'phone' },
    users: { created: 2 },
    attributes: { nick: 2 },
  });
  t.match(await catchRefusal(dry(phones, { ...custom, usernameField: 'mail' })), {
    code: 'username_field_not_found',
    params: { field: 'mail', candidates: ['phone'] },
  });
  const numbers = [member(1, { number: 17, tag: 'a' }), member(2, { number: 18, tag: 'b' })];
  await runImport(db, numbers, { audience: 'numbers', ...custom, usernameField: 'number' });
  t.equal((await findUser(db.fork(), '17'))?.username, '17');
});

t.test(
  "Django's through=: memberships in a table of the project's own are read, and never taken for none",
  async (t) => {
    const users = [1, 2, 3].map((pk) => {
      const { groups: _, ...fields } = userRow(pk, `through-${pk}`).fields;
      return { model: 'club.person', pk, fields };
    });
    const table: Row[] = [
      { model: 'club.membership', pk: 1, fields: { person: 1, group: 1, role: 'boss' } },
      { model: 'club.membership', pk: 2, fields: { person: 2, group: 1, role: '' } },
    ];
    const options = { audience: 'club', userModel: 'club.person', usernameField: 'username' };
    const groups = smallProject.map((one) =>
      one.model === 'auth.group' ? { ...one, fields: { ...one.fields, name: 'Club' } } : one,
    );
    const report = await runImport(db, [...groups, ...users, ...table], options);
    t.match(report, {
      added: { memberships: 2 },
      unmapped: [],
      unknownModels: {},
      source: { through: [{ model: 'club.membership', of: 'groups', records: 2, ignored: ['role'] }] },
    });
    t.match(describeReport(report), /Read from +club\.membership: groups of users \(2 records, without role\)/);
    const without = await dry([...groups, ...users], options);
    t.match(without.unmapped[0], { code: 'through_missing', params: { field: 'groups' } });
    const two = [...table, { model: 'club.invitation', pk: 1, fields: { user: 3, group: 1 } }];
    t.match((await dry([...groups, ...users, ...two], options)).unmapped[0], {
      code: 'through_ambiguous',
      params: { field: 'groups', models: ['club.membership', 'club.invitation'] },
    });
    const stray = [...table, { model: 'club.membership', pk: 3, fields: { person: 77, group: 1, role: '' } }];
    t.match((await dry([...groups, ...users, ...stray], options)).unmapped[0], {
      code: 'reference_not_in_dump',
      params: { field: 'user', reference: '77' },
    });
  },
);

t.test('django-allauth: an address that it has verified counts, one that it has not does not', async (t) => {
  const address = (pk: number, user: unknown, email: string, verified: boolean, primary = true): Row => ({
    model: 'account.emailaddress',
    pk,
    fields: { user, email, verified, primary },
  });
  const rows = [
    userRow(1, 'aa-ada', { email: 'ada@aa.test' }),
    userRow(2, 'aa-bob', { email: 'bob@aa.test' }),
    userRow(3, 'aa-cyd', { email: '' }),
    userRow(4, 'aa-dee', { email: 'dee@aa.test' }),
    userRow(5, 'aa-eve', { email: 'eve@aa.test' }),
    userRow(6, 'aa-fay', { email: 'ADA@aa.test' }),
    address(1, 1, 'Ada@aa.test', true),
    address(2, 2, 'bob@aa.test', false),
    address(3, ['aa-cyd'], 'cyd@aa.test', true),
    address(4, 4, 'other@aa.test', true),
    address(5, 5, 'eve@aa.test', true),
    address(6, 5, 'eve2@aa.test', true, false),
  ];
  const report = await runImport(db, rows, { audience: 'allauth' });
  t.match(report, { unknownModels: {}, source: { otherAddresses: 2 }, emails: { verified: 2, unverified: 4 } });
  t.match(report.unkept, [{ record: 'auth.user 4', code: 'email_not_primary' }]);
  t.match(report.emails.notUnique, [{ record: 'auth.user 1' }]);
  const users = await db.fork().find(User, { username: { $like: 'aa-%' } }, { orderBy: { username: 'asc' } });
  t.same(
    users.map((one) => [one.email, one.emailVerifiedAt !== null]),
    [
      ['ada@aa.test', false],
      ['bob@aa.test', false],
      ['cyd@aa.test', true],
      ['dee@aa.test', false],
      ['eve@aa.test', true],
      ['ADA@aa.test', false],
    ],
  );
});

t.test('names and fields are bounded as by HTTP', async (t) => {
  const long = 'x'.repeat(151);
  const report = await dry([
    userRow(1, 'bounds', {
      first_name: long,
      last_name: 'a\u0007',
      email: `${'e'.repeat(250)}@x.test`,
      picture: 'p'.repeat(20_000),
    }),
    { model: 'contenttypes.contenttype', pk: 1, fields: { app_label: 'polls', model: 'question' } },
    { model: 'auth.permission', pk: 1, fields: { name: 'l'.repeat(256), content_type: 1, codename: 'fly' } },
    { model: 'auth.permission', pk: 2, fields: { name: 'x', content_type: 1, codename: 'c'.repeat(101) } },
  ]);
  t.same(
    report.unkept.map(({ code, params }) => [code, params]),
    [
      ['label_invalid', {}],
      ['field_invalid', { field: 'email', value: 'e'.repeat(80), reason: 'invalid' }],
      ['field_invalid', { field: 'first_name', value: 'x'.repeat(80), reason: 'max_length' }],
      ['field_invalid', { field: 'last_name', value: 'a\u0007', reason: 'invalid' }],
      ['attribute_too_large', { field: 'picture', maxBytes: 16_384 }],
    ],
  );
  t.match(report.unmapped, [
    { record: 'auth.permission 2', code: 'identifier_too_long', params: { part: 'codename', max: 100 } },
  ]);
  const letters = '\ufdfa'.repeat(150);
  t.match(
    (await dry([userRow(1, letters)])).unmapped,
    [{ code: 'username_too_long', params: { max: 150 } }],
    'a ligature that folds to 18 letters',
  );
  t.match((await dry([userRow(1, `a${'\u0300\u0316'.repeat(15_000)}`)])).unmapped, [{ code: 'username_too_long' }]);
});
