import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { AuditEntry } from '../../src/audit/index.ts';
import {
  Api,
  addMembers,
  assign,
  catalogueHash,
  changeCatalogue,
  createApi,
  createGroup,
  createPrincipal,
  defaultPermissions,
  deleteGroup,
  explainPermissions,
  findApi,
  GroupMember,
  GroupPermission,
  getAllPermissions,
  getGroup,
  getGroupPermissions,
  getPermissions,
  hasModulePerms,
  hasPerm,
  hasPerms,
  listPermissions,
  noRights,
  Permission,
  Principal,
  readApiFile,
  readRights,
  removeMembers,
  setRole,
  unassign,
} from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { onEachEngine } from '../support/database.ts';
import { testRights } from '../support/rights.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';

const now = new Date('2026-11-22T12:00:00Z');

t.test("Django User.has_perm, has_perms, has_module_perms: Django's answers", async (t) => {
  const some = testRights(['polls.add_choice', 'polls.view_choice', 'shop.view_order']);
  t.equal(hasPerm(some, 'polls.add_choice'), true);
  for (const odd of ['polls.add_choic', 'POLLS.add_choice', 'polls.add_choice ', 'polls', '', 'add_choice'])
    t.equal(hasPerm(some, odd), false, JSON.stringify(odd));
  t.equal(hasPerms(some, ['polls.add_choice', 'shop.view_order']), true);
  t.equal(hasPerms(some, ['polls.add_choice', 'shop.add_order']), false);
  t.equal(hasPerms(some, []), true, 'all of none');
  t.same(
    ['polls', 'shop', 'poll', 'pollsx', ''].map((app) => hasModulePerms(some, app)),
    [true, true, false, false, false],
  );
  const superuser = testRights([], { isSuperuser: true });
  t.ok(hasPerm(superuser, 'nobody.registered_this') && hasPerm(superuser, '') && hasModulePerms(superuser, 'nowhere'));
  const inactive = testRights(['polls.add_choice'], { isSuperuser: true, isActive: false });
  t.notOk(
    hasPerm(inactive, 'polls.add_choice') || hasModulePerms(inactive, 'polls') || getAllPermissions(inactive).length,
    'inactive beats superuser',
  );
  t.notOk(hasPerm(noRights, 'polls.add_choice'), 'an anonymous one has none');
  t.same(
    getAllPermissions(testRights(['b.é', 'b.z', 'a.B', 'a.b'])),
    ['a.B', 'a.b', 'b.z', 'b.é'],
    'sorted by code unit',
  );
});

async function fixture(db: Database, audience: string) {
  const em = db.fork();
  const api = await createApi(em, audit(), audience);
  await changeCatalogue(em, audit(), api, [
    ...defaultPermissions('polls', 'choice'),
    { app: 'polls', codename: 'publish_poll', label: 'Can publish poll' },
  ]);
  const id = createPrincipal(em, 'user');
  await em.flush();
  const who = { kind: 'user', id, isActive: true, isSuperuser: false } as const;
  const named = { id, label: `user of ${audience}` };
  const rights = () => readRights(db, who, api.id, now);
  const version = async () => (await db.fork().findOneOrFail(Principal, id)).permsVersion;
  return { api, who, named, rights, version };
}

await onEachEngine(t, async (t, db) => {
  await t.test(
    'registering a model makes add, change, delete and view; indexes follow the order and are never given again',
    async (t) => {
      const { api } = await fixture(db, 'catalogue');
      const list = async () =>
        (await db.fork().find(Permission, { api: api.id }, { orderBy: { index: 'asc' } })).map((one) => [
          one.index,
          one.name,
          one.removedVersion ?? null,
        ]);
      t.same(await list(), [
        [0, 'polls.add_choice', null],
        [1, 'polls.change_choice', null],
        [2, 'polls.delete_choice', null],
        [3, 'polls.view_choice', null],
        [4, 'polls.publish_poll', null],
      ]);
      const em = db.fork();
      const fresh = await em.findOneOrFail(Api, api.id);
      const pruned = await changeCatalogue(em, audit(), fresh, defaultPermissions('polls', 'choice', ['add', 'view']), {
        prune: true,
      });
      t.same(pruned.removed, ['polls.change_choice', 'polls.delete_choice', 'polls.publish_poll']);
      t.equal((await listPermissions(db.fork(), api.id)).length, 2);
      await changeCatalogue(db.fork(), audit(), await db.fork().findOneOrFail(Api, api.id), [
        { app: 'polls', codename: 'publish_poll', label: 'Can publish poll' },
      ]);
      t.same(
        (await list()).slice(4),
        [
          [4, 'polls.publish_poll', 2],
          [5, 'polls.publish_poll', null],
        ],
        'a name that comes back gets a new index; the tombstone stays',
      );
      const { catalogueVersion, catalogueHash: hash } = await db.fork().findOneOrFail(Api, api.id);
      const lines = '0\tpolls.add_choice\n1\t\n2\t\n3\tpolls.view_choice\n4\t\n5\tpolls.publish_poll\n';
      t.same(
        [catalogueVersion, hash],
        [3, createHash('sha256').update(lines).digest('base64url')],
        'docs/catalogue.md: the hash is over index TAB name LF',
      );
    },
  );

  await t.test('the same catalogue again changes nothing: no version, no audit entry', async (t) => {
    const { api } = await fixture(db, 'again');
    const entries = await db.fork().count(AuditEntry, {});
    const em = db.fork();
    const change = await changeCatalogue(
      em,
      audit(),
      await em.findOneOrFail(Api, api.id),
      defaultPermissions('polls', 'choice'),
    );
    t.same([change.added, change.removed, change.version], [[], [], 1]);
    t.equal(await db.fork().count(AuditEntry, {}), entries);
  });

  await t.test('8 simultaneous changes of one catalogue follow each other: every index once', async (t) => {
    const { api } = await fixture(db, 'race');
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        db.fork().transactional(async (tx) => {
          const row = await tx.findOneOrFail(Api, api.id);
          await changeCatalogue(
            tx,
            audit(),
            row,
            [0, 1, 2].map((n) => ({ app: 'polls', codename: `x${(i + n) % 8}`, label: 'x' })),
          );
        }),
      ),
    );
    const rows = await db.fork().find(Permission, { api: api.id }, { orderBy: { index: 'asc' } });
    t.same(
      rows.map((one) => one.index),
      Array.from({ length: 13 }, (_, i) => i),
    );
    t.equal(new Set(rows.map((one) => one.name)).size, 13);
    const { catalogueHash: hash } = await db.fork().findOneOrFail(Api, api.id);
    t.equal(hash, catalogueHash(rows.map((one) => ({ index: one.index, name: one.name, isRemoved: false }))));
  });

  await t.test(
    'rights come from the user and from groups; every change raises the version of whom it touches',
    async (t) => {
      const { api, named, rights, version } = await fixture(db, 'rights');
      const em = db.fork();
      const [add, view, publish] = await getPermissions(em, api, [
        'polls.add_choice',
        'polls.view_choice',
        'polls.publish_poll',
      ]);
      const group = await createGroup(em, audit(), 'Éditeurs');
      t.same([...(await rights()).permissions], []);
      const v1 = await version();
      t.same(await assign(em, audit(), { kind: 'user', principal: named }, [add as Permission]), ['polls.add_choice']);
      t.same(
        await assign(em, audit(), { kind: 'user', principal: named }, [add as Permission]),
        [],
        'given twice is given once',
      );
      const v2 = await version();
      await addMembers(em, audit(), group, [named]);
      const v3 = await version();
      await assign(em, audit(), { kind: 'group', group }, [
        view as Permission,
        publish as Permission,
        add as Permission,
      ]);
      const v4 = await version();
      t.ok(v1 < v2 && v2 < v3 && v3 < v4, `${[v1, v2, v3, v4]}`);
      t.same(getAllPermissions(await rights()), ['polls.add_choice', 'polls.publish_poll', 'polls.view_choice']);
      t.equal((await rights()).version, v4);

      const sources = await explainPermissions(
        db.fork(),
        { kind: 'user', id: named.id, isActive: true, isSuperuser: false },
        now,
        api.id,
      );
      t.same(
        sources.filter((one) => one.name === 'polls.add_choice').map((one) => [one.from, one.group]),
        [
          ['group', 'Éditeurs'],
          ['user', null],
        ],
      );
      t.same(getGroupPermissions(sources), ['polls.add_choice', 'polls.publish_poll', 'polls.view_choice']);

      await unassign(db.fork(), audit(), { kind: 'group', group }, [publish as Permission]);
      t.same(getAllPermissions(await rights()), ['polls.add_choice', 'polls.view_choice']);
      await removeMembers(db.fork(), audit(), group, [named]);
      t.same(getAllPermissions(await rights()), ['polls.add_choice'], 'what is held directly stays');
      await addMembers(db.fork(), audit(), group, [named]);
      const before = await version();
      await deleteGroup(db.fork(), audit(), await getGroup(db.fork(), 'éditeurs'));
      t.same(getAllPermissions(await rights()), ['polls.add_choice']);
      t.ok((await version()) > before);
    },
  );

  await t.test('memberships and assignments that have ended count no more', async (t) => {
    const { api, named, rights } = await fixture(db, 'ended');
    const em = db.fork();
    const [add] = await getPermissions(em, api, ['polls.add_choice']);
    const group = await createGroup(em, audit(), 'Temporary');
    await assign(em, audit(), { kind: 'group', group }, [add as Permission]);
    await addMembers(em, audit(), group, [named]);
    t.ok(hasPerm(await rights(), 'polls.add_choice'));
    await db.fork().nativeUpdate(GroupMember, { principal: named.id }, { endsAt: now });
    t.notOk(hasPerm(await rights(), 'polls.add_choice'));
    await db.fork().nativeUpdate(GroupMember, { principal: named.id }, { endsAt: new Date(now.getTime() + 1000) });
    t.ok(hasPerm(await rights(), 'polls.add_choice'));
    await db.fork().nativeUpdate(GroupPermission, { group: group.id }, { endsAt: now });
    t.notOk(hasPerm(await rights(), 'polls.add_choice'));
  });

  await t.test('docs/permissions.md: flags per API: superuser of one API is nobody at another', async (t) => {
    const one = await fixture(db, 'first-api');
    const two = await createApi(db.fork(), audit(), 'second-api');
    await setRole(db.fork(), audit(), one.named, one.api, { isStaff: true, isSuperuser: true });
    const here = await one.rights();
    t.same(
      [here.isSuperuser, here.isStaff, here.permissions.size],
      [true, true, 5],
      'a superuser lists all of the API',
    );
    const there = await readRights(db, one.who, two.id, now);
    t.same([there.isSuperuser, there.isStaff, there.permissions.size], [false, false, 0]);
    t.equal(
      (await readRights(db, { ...one.who, isActive: false }, one.api.id, now)).isSuperuser,
      false,
      'inactive beats superuser',
    );
  });

  await t.test(
    'docs/permissions.md: two audiences that differ by a trailing slash are one; some names are not to be had',
    async (t) => {
      const em = db.fork();
      await createApi(em, audit(), 'https://api.example/');
      await t.rejects(createApi(em, audit(), 'https://api.example'), { code: 'api_exists' });
      t.ok(await findApi(db.fork(), 'https://api.example'));
      for (const [audience, code] of [
        ['c_123', 'audience_like_client_id'],
        ['signet', 'api_own_audience'],
        ['', 'audience_invalid'],
        ['a b', 'audience_invalid'],
        ['https://api.example/#x', 'audience_invalid'],
        ['ä', 'audience_invalid'],
      ] as const)
        await t.rejects(createApi(em, audit(), audience), { code }, audience);
      await t.rejects(createApi(em, audit(), 'ttl', { ttlSeconds: 59 }), {
        code: 'setting_out_of_range',
        params: { setting: 'ttlSeconds', from: 60, to: 900 },
      });
      await t.rejects(createApi(em, audit(), 'budget', { budgetBytes: 9000 }), {
        code: 'setting_out_of_range',
        params: { setting: 'budgetBytes', from: 1024, to: 8192 },
      });
      t.equal(await findApi(db.fork(), 'ttl'), null);
    },
  );

  await t.test('group names are one name in every spelling', async (t) => {
    await createGroup(db.fork(), audit(), 'Straße');
    await t.rejects(createGroup(db.fork(), audit(), 'STRAßE'), { code: 'group_exists' });
    for (const bad of ['', '   ', 'a\u0000b', 'zero\u200bwidth', 'x'.repeat(151)])
      await t.rejects(createGroup(db.fork(), audit(), bad), { code: /^group_name_/ }, JSON.stringify(bad));
    await t.rejects(getGroup(db.fork(), 'Strase'), {
      code: 'group_not_found',
      params: { name: 'Strase', near: 'Straße' },
    });
  });

  await t.test('every change leaves one entry with actor, before and after', async (t) => {
    const { api, named } = await fixture(db, 'audited');
    const [add] = await getPermissions(db.fork(), api, ['polls.add_choice']);
    await assign(db.fork(), audit(), { kind: 'user', principal: named }, [add as Permission]);
    await unassign(db.fork(), audit(), { kind: 'user', principal: named }, [add as Permission]);
    const entries = await db.fork().find(AuditEntry, { objectId: named.id }, { orderBy: { id: 'asc' } });
    t.match(entries, [
      {
        actorKind: 'system',
        actorLabel: 'test',
        action: 'change',
        objectKind: 'user',
        objectLabel: 'user of audited',
        after: { permissions: ['polls.add_choice'] },
      },
      { before: { permissions: ['polls.add_choice'] }, after: null },
    ]);
  });
});

t.test('docs/commands.md: the file of api sync, YAML or JSON', async (t) => {
  const file = readApiFile(
    '{audience: polls, apps: {polls: {models: [question, choice: [view]], permissions: {publish_poll: Can publish poll}}}}',
  );
  t.equal(file.audience, 'polls');
  t.same(
    file.permissions.map((one) => `${one.app}.${one.codename}`),
    [
      'polls.add_question',
      'polls.change_question',
      'polls.delete_question',
      'polls.view_question',
      'polls.view_choice',
      'polls.publish_poll',
    ],
  );
  for (const [text, ...issues] of [
    ['', { path: [], code: 'not_a_mapping' }],
    ['{apps: {}}', { path: ['audience'], code: 'missing' }],
    [
      '{audience: a, app: {}}',
      { code: 'unknown_field', params: { name: 'app', fields: ['audience', 'name', 'catalogue', 'apps', 'token'] } },
    ],
    ['{audience: a, apps: {Polls: {}}}', { path: ['apps', 'Polls'], code: 'app_label_invalid' }],
    ['{audience: a, apps: {polls: {models: question}}}', { path: ['apps', 'polls', 'models'], code: 'not_a_list' }],
    [
      '{audience: a, apps: {polls: {models: [Question]}}}',
      { code: 'model_name_invalid', params: { name: '"Question"' } },
    ],
    ['{audience: a, apps: {polls: {permissions: {"a b": x}}}}', { code: 'codename_invalid', params: { name: 'a b' } }],
    ['{audience: a, apps: {polls: {permissions: {a: 1}}}}', { code: 'not_a_label' }],
    [
      '{audience: 7, apps: {polls: {models: [A, b c], permissions: {x: 1}}, P: {}}, token: {typ: x, ttl_seconds: 1, budget_bytes: 1}}',
      { path: ['audience'], code: 'not_a_text' },
      { path: ['token', 'typ'], code: 'not_a_choice' },
      { path: ['token', 'ttl_seconds'], code: 'out_of_range', params: { from: 60, to: 900 } },
      { path: ['token', 'budget_bytes'], code: 'out_of_range' },
      { path: ['apps', 'polls', 'models', 0] },
      { path: ['apps', 'polls', 'models', 1] },
      { path: ['apps', 'polls', 'permissions', 'x'] },
      { path: ['apps', 'P'] },
    ],
  ] as const)
    t.throws(() => readApiFile(text), { name: 'DocumentError', issues }, text);
  t.throws(() => readApiFile('a: ['), { code: 'document_unreadable', params: { line: 1, reason: /[^:]$/ } });
  // A file that breaks off: the parser itself names the line behind the last one.
  const broken = 'audience: polls\napps:\n  polls:\n    models: [question,\n';
  t.throws(() => readApiFile(broken), { code: 'document_unreadable', params: { line: 4 } });
  fc.assert(
    fc.property(fc.json(), (text) => {
      try {
        readApiFile(text);
      } catch (error) {
        if (!['DocumentError', 'DomainError'].includes((error as Error).name)) throw error;
      }
    }),
  );
});
