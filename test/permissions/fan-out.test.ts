import {
  Api,
  addMembers,
  assign,
  changeCatalogue,
  createGroup,
  defaultPermissions,
  deleteApi,
  deleteGroup,
  type Group,
  getPermissions,
  onRightsChanged,
  removeMembers,
  runFanOut,
  runFanOutBatch,
  setRole,
  unassign,
} from '../../src/permissions/index.ts';
import { type Binding, bind, type Database, startChangeFeed } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { followChanges } from '../../src/server/jobs.ts';
import { STATUS } from '../../src/tokens/index.ts';
import { createTestPostgresql, model, onEachEngine, postgresqlUrl } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { assignee, openWorld, testData } from '../support/world.ts';

/** The next index in status list 2, which only these tests use: issued tokens get random indexes in list 1. */
let nextIndex = 1;

/** Adds users to a group, each with a token for each of these APIs. */
async function addPrincipals(
  db: Database,
  group: Group,
  count: number,
  apis: readonly Pick<Api, 'id'>[],
): Promise<void> {
  const em = db.fork();
  await em.execute(
    `with made as (select gen_random_uuid() as id from generate_series(1, ${count})), principals as (
       insert into permissions_principal (id, kind) select id, 'user' from made
     ) insert into permissions_group_member (principal_id, group_id) select id, ? from made`,
    [group.id],
  );
  for (const { id } of apis) {
    await em.execute(
      `insert into tokens_status (list, idx, holder_id, api_id, principal_id, expires_at)
       select 2, ${nextIndex} + row_number() over (), gen_random_uuid(), ?, m.principal_id, now() + interval '1 day'
       from permissions_group_member m where m.group_id = ?`,
      [id, group.id],
    );
    nextIndex += count + 1000;
  }
}

/** Returns the number of status indexes of an API in each state. */
async function countStates(db: Database, api: Pick<Api, 'id'>): Promise<Record<number, number>> {
  const rows = await db
    .fork()
    .execute<{ state: number; count: number }[]>(
      'select state::int as state, count(*)::int as count from tokens_status where api_id = ? group by state',
      [api.id],
    );
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

/** Returns the number of principals with each version. */
async function countVersions(db: Database, group: Pick<Group, 'id'>): Promise<Record<number, number>> {
  const rows = await db.fork().execute<{ version: number; count: number }[]>(
    `select p.perms_version::int as version, count(*)::int as count from permissions_principal p
     join permissions_group_member m on m.principal_id = p.id where m.group_id = ? group by 1`,
    [group.id],
  );
  return Object.fromEntries(rows.map((row) => [row.version, row.count]));
}

async function pending(db: Database): Promise<{ changes: number; principals: number }> {
  const [row] = await db
    .fork()
    .execute<{ changes: number; principals: number }[]>(
      'select (select count(*)::int from permissions_fan_out) as changes, (select count(*)::int from permissions_fan_out_principal) as principals',
    );
  return row as { changes: number; principals: number };
}

const NOTHING = { changes: 0, principals: 0 };

/** Runs batches until none is left. */
async function runAllBatches(db: Database, size: number) {
  const done = [];
  for (let one = await runFanOutBatch(db, size); one; one = await runFanOutBatch(db, size)) done.push(one);
  return done;
}

/** Creates two APIs and a group for one case, which no other case uses. */
async function createLargeGroup(db: Database, name: string, count: number) {
  const data = testData(db);
  const polls = await data.api(`${name}-polls`, { models: ['polls.choice'] });
  const shop = await data.api(`${name}-shop`, { models: ['polls.choice'] });
  const group = await data.group(name);
  const permissions = (...names: string[]) => data.permissions(polls, ...names.map((one) => `polls.${one}_choice`));
  await data.assign(group, polls, 'polls.add_choice');
  await addPrincipals(db, group, count, [polls, shop]);
  return { polls, shop, group, asGroup: assignee(group), permissions };
}

t.test('changes that affect many principals', (t) =>
  onEachEngine(t, async (t, db) => {
    const world = await openWorld(db);
    const { app, clock, keys, http } = world;
    const log = { error: () => {}, info: () => {} } as never;

    await t.test('docs/freshness.md: up to 1,000 members it is one transaction, above it a durable job', async (t) => {
      const { polls, shop, group, asGroup, permissions } = await createLargeGroup(db, 'edge', 1000);
      await unassign(db.fork(), audit(), asGroup, await permissions('add'));
      t.same(await pending(db), NOTHING);
      t.same(
        [await countStates(db, polls), await countStates(db, shop)],
        [{ [STATUS.suspended]: 1000 }, { [STATUS.valid]: 1000 }],
      );
      t.same(await countVersions(db, group), { 2: 1000 });

      await addPrincipals(db, group, 1, []);
      await assign(db.fork(), audit(), asGroup, await permissions('add'));
      t.same(await pending(db), { changes: 1, principals: 1001 });
      t.same(await countVersions(db, group), { 1: 1, 2: 1000 });
      t.same(await runAllBatches(db, 600), [
        { kind: 'added', principals: 600, statuses: 0 },
        { kind: 'added', principals: 401, statuses: 0 },
      ]);
      t.same([await pending(db), await countVersions(db, group)], [NOTHING, { 2: 1, 3: 1000 }]);
      t.same(await countStates(db, polls), { [STATUS.suspended]: 1000 }, '§6: an addition never moves a status back');
    });

    await t.test(
      'docs/freshness.md: what was taken is refused by Signet at once; local verifiers hear of it in batches',
      async (t) => {
        const { polls, shop, group, asGroup, permissions } = await createLargeGroup(db, 'taken', 1200);
        const alice = await world.user('alice');
        const members = [{ id: alice.id, label: 'alice' }];
        await addMembers(db.fork(), audit(), group, members);
        const service = await world.client('Polls', { serves: [polls] });
        const signedIn = await http.logIn('alice', { audience: polls.audience });
        const browser = http.as(signedIn);
        const hasPerm = async () =>
          (await http.hasPerm(signedIn.token, ['polls.add_choice'])).json().results['polls.add_choice'];
        const introspect = async () =>
          (await http.oauth('introspect', { token: signedIn.token }, service)).json().permissions;
        const session = async () => (await browser.get(`/api/v1/session?audience=${polls.audience}`)).json().user;
        const token = async () =>
          jwtClaims((await browser.json('/api/v1/token', { audience: polls.audience })).json().access_token);
        const readState = async ({ status }: { status: { status_list: { idx: number } } }) => {
          const [row] = await db
            .fork()
            .execute<{ state: number }[]>('select state::int as state from tokens_status where list = 1 and idx = ?', [
              status.status_list.idx,
            ]);
          return row?.state;
        };
        const names = ['polls.add_choice'];
        // Twice, so that the caches are filled.
        for (let round = 0; round < 2; round++)
          t.same([await hasPerm(), await introspect(), (await session()).permissions], [true, names, names]);
        const before = await token();
        t.same(before.permissions, names);

        await unassign(db.fork(), audit(), asGroup, await permissions('add'));
        t.same(await pending(db), { changes: 1, principals: 1201 });
        t.same([await hasPerm(), await introspect(), (await session()).permissions], [false, [], []]);
        const meanwhile = await token();
        t.same(meanwhile.permissions, [], 'nor is a token made that says it');
        t.equal(await readState(before), STATUS.valid, 'a batch will say so');

        t.same(
          (await runAllBatches(db, 400)).map(({ kind, principals }) => [kind, principals]),
          [400, 400, 400, 1].map((count) => ['removed', count]),
        );
        t.same([await readState(before), await readState(meanwhile)], [STATUS.suspended, STATUS.suspended]);
        const after = await token();
        t.same([after.permissions, await readState(after)], [[], STATUS.valid]);
        t.same(await countStates(db, shop), { [STATUS.valid]: 1200 }, 'a change in one API touches that API alone');

        await assign(db.fork(), audit(), asGroup, await permissions('view'));
        t.same(
          [await hasPerm(), (await session()).permissions],
          [false, ['polls.view_choice']],
          'so is what was given',
        );
        t.same((await token()).permissions, ['polls.view_choice']);
        await runAllBatches(db, 5000);
        t.equal(await readState(after), STATUS.superseded);
        await removeMembers(db.fork(), audit(), group, members);
      },
    );

    await t.test('docs/freshness.md: removals come first, and what they moved is not moved back', async (t) => {
      const { polls, asGroup, permissions } = await createLargeGroup(db, 'order', 1100);
      await assign(db.fork(), audit(), asGroup, await permissions('view'));
      t.same(await runFanOutBatch(db, 100), { kind: 'added', principals: 100, statuses: 100 });
      await unassign(db.fork(), audit(), asGroup, await permissions('add'));
      const rest = await runAllBatches(db, 500);
      t.same(
        rest.map(({ kind, principals, statuses }) => [kind, principals, statuses]),
        [
          ['removed', 500, 500],
          ['removed', 500, 500],
          ['removed', 100, 100],
          ['added', 500, 0],
          ['added', 500, 0],
          ['added', 0, 0],
        ],
      );
      t.same(await countStates(db, polls), { [STATUS.suspended]: 1100 });
    });

    await t.test('docs/freshness.md: resumed after a crash; every principal is in exactly one batch', async (t) => {
      const { polls, group, asGroup, permissions } = await createLargeGroup(db, 'crash', 1300);
      await unassign(db.fork(), audit(), asGroup, await permissions('add'));
      await runFanOutBatch(db, 300);
      // Fails after the versions of the second batch were written, before it is committed.
      const { config } = db.fork();
      const ports = config.get('ports' as never) as readonly Binding[];
      const breaks = async () => {
        throw new Error('the power is gone');
      };
      config.set(
        'ports' as never,
        ports.map((one) => (one.port === onRightsChanged ? bind(onRightsChanged, breaks) : one)) as never,
      );
      await t.rejects(runFanOutBatch(db, 300), { message: 'the power is gone' });
      config.set('ports' as never, ports as never);
      t.same(await pending(db), { changes: 1, principals: 1000 });
      t.same(await countVersions(db, group), { 1: 1000, 2: 300 });
      t.equal(await runFanOut(db, clock), 1000);
      t.same([await countVersions(db, group), await pending(db)], [{ 2: 1300 }, NOTHING]);
      t.same(await countStates(db, polls), { [STATUS.suspended]: 1300 });
    });

    await t.test(
      'principals of a deleted group, of a deleted API and former members stay in their batches',
      async (t) => {
        const { polls, shop, group, asGroup, permissions } = await createLargeGroup(db, 'gone', 1100);
        const [someone] = await db
          .fork()
          .execute<{ id: string }[]>(
            'select principal_id as id from permissions_group_member where group_id = ? limit 1',
            [group.id],
          );
        const readVersion = async () =>
          (
            await db
              .fork()
              .execute<{ version: number }[]>(
                'select perms_version::int as version from permissions_principal where id = ?',
                [someone?.id],
              )
          )[0]?.version;
        await assign(db.fork(), audit(), asGroup, await getPermissions(db.fork(), shop, ['polls.view_choice']));
        await unassign(db.fork(), audit(), asGroup, await permissions('add'));
        await removeMembers(db.fork(), audit(), group, [{ id: someone?.id as string, label: 'someone' }]);
        t.equal(await readVersion(), 2);
        await deleteGroup(db.fork(), audit(), group);
        t.same(await pending(db), { changes: 3, principals: 1100 + 1100 + 1099 });
        const done = await runAllBatches(db, 2000);
        t.same(
          done.map(({ kind, principals, statuses }) => [kind, principals, statuses]),
          [
            ['removed', 1100, 1100],
            ['removed', 1099, 1099],
            ['added', 1100, 0],
          ],
        );
        t.same(
          [await countStates(db, polls), await countStates(db, shop)],
          [{ [STATUS.suspended]: 1100 }, { [STATUS.suspended]: 1100 }],
        );
        t.equal(await readVersion(), 4);

        const other = await createLargeGroup(db, 'gone-api', 1100);
        await unassign(db.fork(), audit(), other.asGroup, await other.permissions('add'));
        await deleteApi(db.fork(), audit(), other.polls, async () => {});
        await runAllBatches(db, 2000);
        t.same(await countStates(db, other.polls), { [STATUS.revoked]: 1100 }, 'what has ended stays ended');
        t.same([await countVersions(db, other.group), await pending(db)], [{ 2: 1100 }, NOTHING]);
      },
    );

    await t.test('the principals of a deleted API with many assignments get new versions in batches', async (t) => {
      const { polls, group } = await createLargeGroup(db, 'held', 1100);
      await deleteApi(db.fork(), audit(), polls, async () => {});
      t.same(await countStates(db, polls), { [STATUS.revoked]: 1100 }, 'its tokens end in the transaction');
      t.same(await countVersions(db, group), { 1: 1100 });
      await runAllBatches(db, 2000);
      t.same(await countVersions(db, group), { 2: 1100 });
    });

    await t.test(
      'a permission of many principals is removed from the catalogue; the tokens of superusers are updated too',
      async (t) => {
        const { polls, group } = await createLargeGroup(db, 'pruned', 1100);
        const [one, two] = await db
          .fork()
          .execute<{ id: string }[]>(
            'select principal_id as id from permissions_group_member where group_id = ? limit 2',
            [group.id],
          );
        await removeMembers(db.fork(), audit(), group, [{ id: two?.id as string, label: 'two' }]);
        for (const who of [one, two])
          await setRole(db.fork(), audit(), { id: who?.id as string, label: 'x' }, polls, {
            isStaff: false,
            isSuperuser: true,
          });
        const before = await db.fork().findOneOrFail(Api, polls.id);
        const remaining = defaultPermissions('polls', 'choice', ['change', 'delete', 'view']);
        const change = await changeCatalogue(db.fork(), audit(), polls, remaining, { prune: true });
        t.same(change.removed, ['polls.add_choice']);
        t.same(
          await pending(db),
          { changes: 1, principals: 1099 },
          'the superuser who holds it no other way is one of few',
        );
        const after = await db.fork().findOneOrFail(Api, polls.id);
        t.ok(after.version > before.version, 'what is kept of rights counts for nothing from now on');
        await runAllBatches(db, 400);
        // Two of them were changed before, by the removal of a member and by the flags.
        t.same(await countStates(db, polls), { [STATUS.suspended]: 1100 });
        t.same(await pending(db), NOTHING);
      },
    );

    await t.test('1,001 members who come at once are one change of many', async (t) => {
      const { polls, group } = await createLargeGroup(db, 'come', 1);
      const others = await createGroup(db.fork(), audit(), 'elsewhere');
      await addPrincipals(db, others, 1001, [polls]);
      const some = await db
        .fork()
        .execute<{ id: string }[]>('select principal_id as id from permissions_group_member where group_id = ?', [
          others.id,
        ]);
      const labels = some.map(({ id }) => ({ id, label: id }));
      t.equal((await addMembers(db.fork(), audit(), group, labels)).length, 1001);
      t.equal((await addMembers(db.fork(), audit(), group, labels)).length, 0, 'who is there already does not come');
      t.same(await pending(db), { changes: 1, principals: 1001 });
      await runAllBatches(db, 2000);
      t.same(await countStates(db, polls), { [STATUS.valid]: 1, [STATUS.superseded]: 1001 });
    });

    await t.test(
      'issue 5: after a removal the next batch waits, by chance longer or shorter; after an addition not',
      async (t) => {
        const { asGroup, permissions } = await createLargeGroup(db, 'pace', 1400);
        const pauses = async () => {
          clock.sleeps.length = 0;
          await runFanOut(db, clock);
          return clock.sleeps.map((at) => at.getTime() - clock.now().getTime());
        };
        await assign(db.fork(), audit(), asGroup, await permissions('view'));
        t.same(await pauses(), [0, 0, 0]);
        await unassign(db.fork(), audit(), asGroup, await permissions('add'));
        const paced = await pauses();
        // 5,000 status indexes per second.
        t.same(
          [500, 500, 400].map(
            (statuses, at) => (paced[at] ?? 0) >= statuses / 10 && (paced[at] ?? 0) <= (statuses / 10) * 3,
          ),
          [true, true, true],
          paced.join(', '),
        );
        t.not(paced[0], paced[1]);
        await assign(db.fork(), audit(), asGroup, await permissions('add'));
        await unassign(db.fork(), audit(), asGroup, await permissions('add'));
        t.same(await pauses(), Array(6).fill(0), 'where nothing moves nobody asks');
      },
    );

    await t.test('a running server begins at once, and one that stops leaves the rest to the next', async (t) => {
      const { group, asGroup, permissions } = await createLargeGroup(db, 'served', 1300);
      const onError = (_: string, error: Error) => t.fail(error.message);
      const changes = await startChangeFeed(db, { onError });
      const stop = followChanges(changes, { db, clock, log, keys });
      await unassign(db.fork(), audit(), asGroup, await permissions('add'));
      while ((await pending(db)).changes > 0) await new Promise((done) => setTimeout(done, 5));
      t.same(await countVersions(db, group), { 2: 1300 });
      await stop();
      await changes.stop();

      await assign(db.fork(), audit(), asGroup, await permissions('add'));
      const stopping = { aborted: false };
      const sleepUntil = async () => {
        stopping.aborted = true;
      };
      const stops = { ...clock, sleepUntil };
      t.equal(await runFanOut(db, stops, stopping), 500);
      t.same(await pending(db), { changes: 1, principals: 800 });
      t.equal(await runFanOut(db, clock), 800);
    });
    await app.close();
  }),
);

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;

t.test('many nodes', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql();
  const nodes = await Promise.all([1, 2, 3].map(() => openPostgresql(url, 3, model)));
  const [db] = nodes as [Database];
  t.teardown(async () => {
    await Promise.all(nodes.map((one) => one.close()));
    await drop();
  });
  const { polls, group, asGroup, permissions } = await createLargeGroup(db, 'nodes', 2000);

  await t.test('two nodes that run the job concurrently process every principal exactly once', async (t) => {
    await unassign(db.fork(), audit(), asGroup, await permissions('add'));
    await assign(db.fork(), audit(), asGroup, await permissions('view'));
    const runs = await Promise.all(
      nodes.map(async (node) => {
        const done = [];
        // A node that finds the change locked by another tries again, as the job does.
        while ((await pending(db)).changes > 0) done.push(...(await runAllBatches(node, 40)));
        return done;
      }),
    );
    const principals = (kind: string) =>
      runs.flat().reduce((sum, one) => sum + (one.kind === kind ? one.principals : 0), 0);
    t.same([principals('removed'), principals('added')], [2000, 2000]);
    t.ok(runs.filter((one) => one.length > 0).length > 1, runs.map((one) => one.length).join(' '));
    t.same([await countVersions(db, group), await countStates(db, polls)], [{ 3: 2000 }, { [STATUS.suspended]: 2000 }]);
  });

  await t.test(
    'changes of members, of catalogues and of single users meet the batches without a deadlock',
    async (t) => {
      const some = await db
        .fork()
        .execute<{ id: string }[]>(
          'select principal_id as id from permissions_group_member where group_id = ? limit 60',
          [group.id],
        );
      const view = await permissions('view');
      let isOver = false;
      const spreading = nodes.map(async (node) => {
        while (!isOver || (await pending(db)).changes > 0) await runAllBatches(node, 50);
      });
      const wide = (async () => {
        for (let round = 0; round < 4; round++) {
          await assign(db.fork(), audit(), asGroup, await permissions('add'));
          await unassign(db.fork(), audit(), asGroup, await permissions('add'));
        }
      })();
      const single = some.map(async ({ id }) => {
        const asUser = { kind: 'user' as const, principal: { id, label: id } };
        await assign(db.fork(), audit(), asUser, view);
        await removeMembers(db.fork(), audit(), group, [{ id, label: id }]);
        await unassign(db.fork(), audit(), asUser, view);
      });
      const catalogue = (async () => {
        for (let round = 0; round < 4; round++)
          await changeCatalogue(db.fork(), audit(), polls, [{ app: 'polls', codename: `r${round}`, label: 'r' }]);
      })();
      await Promise.all([wide, catalogue, ...single]);
      isOver = true;
      await Promise.all(spreading);
      t.same(await pending(db), NOTHING);
      t.equal(
        (await db.fork().execute('select 1 from permissions_group_member where group_id = ?', [group.id])).length,
        1940,
      );
    },
  );
});

/** Returns a function that returns the number of statements since its last call. */
function counting(db: Database): () => number {
  let count = 0;
  const logger = db.fork().config.getLogger();
  logger.logQuery = () => void count++;
  return () => {
    const all = count;
    count = 0;
    return all;
  };
}

t.test('a group of 100,000', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql();
  const db = await openPostgresql(url, 3, model);
  t.teardown(async () => {
    await db.close();
    await drop();
  });
  const { polls, group, asGroup, permissions } = await createLargeGroup(db, 'all', 100_000);
  await db.fork().execute('analyze');
  const added = await permissions('view');
  const removed = await permissions('add');
  const statements = counting(db);

  await t.test('issue 5: the change itself is a handful of statements, and so is each batch of 500', async (t) => {
    const startedAt = performance.now();
    await unassign(db.fork(), audit(), asGroup, removed);
    const first = statements();
    await assign(db.fork(), audit(), asGroup, added);
    const changed = performance.now();
    t.ok(first <= 20 && statements() <= 20, `${first} statements`);
    t.same(await pending(db), { changes: 2, principals: 200_000 });
    statements();

    const counts = new Set<number>();
    const kinds: string[] = [];
    for (let one = await runFanOutBatch(db); one; one = await runFanOutBatch(db)) {
      counts.add(statements());
      t.ok(one.principals <= 500);
      kinds.push(one.kind);
    }
    const finishedAt = performance.now();
    t.ok(Math.max(...counts) <= 8, `${[...counts].join(', ')} statements a batch`);
    t.same(kinds, [...Array(201).fill('removed'), ...Array(201).fill('added')]);
    t.same(await countStates(db, polls), { [STATUS.suspended]: 100_000 });
    t.same([await countVersions(db, group), await pending(db)], [{ 3: 100_000 }, NOTHING]);
    t.comment(
      `two changes ${Math.round(changed - startedAt)} ms, 402 batches ${Math.round(finishedAt - changed)} ms, ${first} statements a change, ${[...counts].join('/')} a batch`,
    );
  });
});
