import fc from 'fast-check';
import { type Database, hotSelect } from '../../src/platform/database/index.ts';
import { openPipeline, type Pipeline } from '../../src/platform/database/pipeline.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { createTestPostgresql, model } from '../support/database.ts';
import t from '../support/tap.ts';
import { backends, echo, open, skip, sleep, startProxy, until } from './pipeline-world.ts';

// docs/architecture.md, "The two ways to the database": hot selects share a few connections, and none of them gets another's answer,
// whatever happens to those before and behind it.

const divide = hotSelect(
  'test-divide',
  'select $1::text as canary, 10 / (n - $2::int) as n from generate_series(1, 5) n',
);
t.test(
  'everything that one turn of the event loop asks leaves in one write for each connection',
  { skip },
  async (t) => {
    const writes: number[] = [];
    const { url } = await open(t);
    const proxy = await startProxy(t, url, ({ length }) => writes.push(length) > 0);
    const pipeline = await openPipeline({
      client: { connectionString: proxy.url },
      connections: 1,
      onPool: () => Promise.reject(new Error('the pool was asked')),
    });
    t.teardown(() => pipeline.close());
    await pipeline.select(echo, ['first', 1]);
    writes.length = 0;
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => pipeline.select(echo, [`c${n}`, 1])));
    t.equal(writes.length, 1, 'fifty selects, one write');
    t.same(
      answers.map(([row]) => row?.['canary']),
      Array.from({ length: 50 }, (_, n) => `c${n}`),
    );
  },
);

t.test('values and columns are what they are on the pool, whatever their type', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql();
  const [piped, pooled] = [await openPostgresql(url, 2, model, { pipelines: 2 }), await openPostgresql(url, 2, model)];
  t.teardown(async () => {
    await piped.close();
    await pooled.close();
    await drop();
  });
  const types = hotSelect(
    'test-types',
    `select $1::text as text, $2::timestamptz as time, $3::bytea as bytes, $4::text[] as texts, $5::int as number, $6::boolean as flag, $7::json as json,
      $8::uuid as id, $2::date as day, $5::bigint as big, $5::numeric as exact, $5::float8 as float, interval '1 day' as span, null::text as nothing, array[$5::int, null] as numbers`,
  );
  const values = [
    'Grüße, "O\'Brien" \\ 😀',
    new Date('2026-03-01T12:34:56.789Z'),
    Buffer.from([0, 255, 10]),
    ['a', 'with "quotes"', 'and, commas', '{}', 'NULL', ''],
    -7,
    true,
    { a: [1, null] },
    '0195d0f4-1b7e-7c7c-8f00-0123456789ab',
  ];
  const nulls = values.map(() => null);
  for (const given of [values, nulls, values])
    t.same(await piped.query(types, given), await pooled.query(types, given));
  t.same(await piped.query(echo, ['none', 0]), [], 'no rows');
  for (const [what, given] of [
    ['a value that is none of its type', ['x', 'many']],
    ['a NUL, which no text holds', ['a\0b', 1]],
    ['a value too few', ['x']],
    [
      'a value that has no text',
      [
        {
          toPostgres: () => {
            throw new Error('no text');
          },
        },
        1,
      ],
    ],
  ] as const) {
    const said = async (db: Database) => {
      const error = await db.query(echo, given).then(
        () => null,
        (error: unknown) => error as Error & { code?: string },
      );
      return [error?.message, error?.code];
    };
    t.same(await said(piped), await said(pooled), what);
    t.match(await said(piped), [String], `${what} is an error`);
  }
  t.same(await piped.query(echo, ['still', 1]), [{ canary: 'still', n: 1 }], 'and the connection goes on');
});

t.test('nothing is written there: PostgreSQL itself refuses it', { skip }, async (t) => {
  const { pipeline } = await open(t);
  const write = hotSelect('test-write', `insert into platform_signal (topic, version) values ($1, 1) returning topic`);
  await t.rejects(pipeline.select(write, ['x']), { code: '25006' });
  const locking = hotSelect('test-lock', 'select topic from platform_signal where topic = $1 for update');
  await t.rejects(pipeline.select(locking, ['x']), { code: '25006' });
});

t.test('a select that waits holds nobody up for long: what is behind it runs on the pool', { skip }, async (t) => {
  const { pipeline, onPool, administrator } = await open(t, { stallMs: 5 });
  const locked = hotSelect('test-locked', 'select $1::text as canary from platform_signal limit 1');
  await administrator.query('begin; lock table platform_signal in access exclusive mode');
  let areHeld = 2;
  const waiting = ['one', 'two'].map((name) => pipeline.select(locked, [name]).finally(() => areHeld--));
  const behind = await Promise.all(Array.from({ length: 20 }, (_, n) => pipeline.select(echo, [`behind${n}`, 1])));
  t.equal(areHeld, 2, 'both connections still wait for the lock');
  t.same(
    behind.map(([row]) => row?.['canary']),
    Array.from({ length: 20 }, (_, n) => `behind${n}`),
  );
  t.same(
    onPool.toSorted(),
    Array.from({ length: 20 }, (_, n) => `behind${n}`).toSorted(),
    'and not those that hold it up',
  );
  await pipeline.select(echo, ['later', 1]);
  t.equal(onPool.at(-1), 'later', 'while a connection is held up, what comes later takes the pool at once');
  await administrator.query('rollback');
  await Promise.all(waiting);
  const asked = onPool.length;
  t.same(await pipeline.select(echo, ['after', 1]), [{ canary: 'after', n: 1 }]);
  t.equal(onPool.length, asked, 'once it answers, it is used again');
});

t.test(
  'selects that are slow one and all run on the pool too: no connection has more than it soon answers',
  { skip },
  async (t) => {
    const { pipeline, onPool } = await open(t, { connections: 1 });
    const ask = async (worker: number) => {
      for (let n = 0; n < 6; n++) {
        const canary = `${worker}-${n}`;
        t.same(await pipeline.select(sleep, [canary, 0.005]), [{ canary, slept: '' }]);
      }
    };
    await Promise.all(Array.from({ length: 100 }, (_, worker) => ask(worker)));
    t.ok(onPool.length > 100, `${onPool.length} of 600 on the pool`);
    onPool.length = 0;
    for (let n = 0; n < 100; n++) await pipeline.select(echo, ['quick', 1]);
    t.same(onPool, [], 'and what is quick again does not');
  },
);

t.test('a lock that is not given in time is the outage that it is on the pool', { skip }, async (t) => {
  const { pipeline, administrator } = await open(t, { stallMs: 5 });
  const patience = hotSelect(
    'test-patience',
    `select $1::text as canary, current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement, current_setting('plan_cache_mode') as plans`,
  );
  t.same(await pipeline.select(patience, ['x']), [
    { canary: 'x', lock: '4s', statement: '8s', plans: 'force_generic_plan' },
  ]);
  const slow = t.rejects(pipeline.select(sleep, ['cancelled', 30]), { code: '57014' }, 'as the end of its time is');
  await until(
    async () =>
      (await administrator.query(`${backends} and state = 'active' and query like '%pg_sleep%'`)).rowCount === 1,
  );
  await administrator.query(`select pg_cancel_backend(pid) from (${backends} and state = 'active') b`);
  await slow;
});

t.test(
  'a connection that says nothing any more is ended, what it owes fails as an outage, and another one is opened',
  { skip },
  async (t) => {
    const { url } = await open(t);
    let isSilent = false;
    const proxy = await startProxy(t, url, () => !isSilent);
    const pipeline = await openPipeline({
      client: { connectionString: proxy.url },
      connections: 1,
      stallMs: 2,
      deadMs: 20,
      onPool: async () => [{ canary: 'pool' }],
    });
    t.teardown(() => pipeline.close());
    isSilent = true;
    const owed = t.rejects(
      pipeline.select(echo, ['owed', 1]),
      { message: /^Connection terminated/ },
      'what problems make 503 of',
    );
    t.same(await pipeline.select(echo, ['behind', 1]), [{ canary: 'pool' }]);
    await owed;
    t.same(await pipeline.select(echo, ['without', 1]), [{ canary: 'pool' }], 'without a connection the pool answers');
    isSilent = false;
    await until(() => pipeline.depth().open === 1);
    t.same(await pipeline.select(echo, ['again', 1]), [{ canary: 'again', n: 1 }]);
  },
);

t.test('a statement that PostgreSQL has forgotten is parsed again', { skip }, async (t) => {
  const { pipeline, onPool, administrator } = await open(t, { connections: 1 });
  t.same(await pipeline.select(echo, ['first', 1]), [{ canary: 'first', n: 1 }]);
  const forget = hotSelect('test-missing', 'select $1::text as canary from missing');
  const both = await Promise.allSettled([pipeline.select(forget, ['a']), pipeline.select(forget, ['b'])]);
  t.match(
    both,
    [{ reason: { code: '42P01' } }, { reason: { code: '42P01' } }],
    'the one behind asks for itself, on the pool',
  );
  t.same(onPool, ['b']);
  await administrator.query('create table missing as select 1 as n');
  t.same(await pipeline.select(forget, ['c']), [{ canary: 'c' }]);
  const columns = hotSelect('test-columns', 'select *, $1::text as canary from missing');
  t.same(await pipeline.select(columns, ['d']), [{ n: 1, canary: 'd' }]);
  await administrator.query('alter table missing alter n type text');
  t.same(await pipeline.select(columns, ['e']), [{ n: '1', canary: 'e' }], 'and one whose columns have changed');
  t.same(await pipeline.select(columns, ['f']), [{ n: '1', canary: 'f' }]);
});

const acts = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ act: fc.constant('echo' as const), rows: fc.integer({ min: 0, max: 40 }) }) },
    { weight: 4, arbitrary: fc.record({ act: fc.constant('divide' as const), by: fc.integer({ min: 0, max: 6 }) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('unreadable' as const) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('missing' as const) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('sleep' as const) }) },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('turn' as const) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('cancel' as const, 'terminate' as const) }) },
  ),
  { minLength: 5, maxLength: 60 },
);

t.test(
  'time-outs, errors, cancelled statements and lost connections in any order: no answer belongs to another select',
  { skip },
  async (t) => {
    const { pipeline, administrator } = await open(t, { stallMs: 5 });
    const missing = hotSelect('test-absent', 'select $1::text as canary from absent');
    let asked = 0;
    const run = async (pipeline: Pipeline, what: { act: string; rows?: number; by?: number }): Promise<void> => {
      const canary = `canary${asked++}`;
      const of = async (statement: ReturnType<typeof hotSelect>, values: unknown[], expected: object[] | RegExp) => {
        const answer = await pipeline.select(statement, values).then(
          (rows) => rows,
          (error: Error & { code?: string }) => `${error.code ?? ''} ${error.message}`,
        );
        if (typeof answer === 'string') {
          const isFault = /^57014|^57P01|Connection terminated|ECONNRESET|EPIPE|not queryable/.test(answer);
          if (!isFault && !(expected instanceof RegExp && expected.test(answer)))
            throw new Error(`${canary}: ${answer}`);
        } else if (expected instanceof RegExp || JSON.stringify(answer) !== JSON.stringify(expected))
          throw new Error(`${canary} got ${JSON.stringify(answer)}`);
      };
      const { act, rows = 0, by = 0 } = what;
      if (act === 'echo')
        return of(
          echo,
          [canary, rows],
          Array.from({ length: rows }, (_, n) => ({ canary, n: n + 1 })),
        );
      if (act === 'divide')
        return of(
          divide,
          [canary, by],
          by >= 1 && by <= 5 ? /^22012/ : [1, 2, 3, 4, 5].map((n) => ({ canary, n: Math.trunc(10 / (n - by)) })),
        );
      if (act === 'unreadable') return of(echo, [canary, 'no number'], /^22P02/);
      if (act === 'missing') return of(missing, [canary], /^42P01/);
      return of(sleep, [canary, 0.03], [{ canary, slept: '' }]);
    };
    await fc.assert(
      fc.asyncProperty(acts, async (given) => {
        const answers: Promise<void>[] = [];
        for (const one of given) {
          if (one.act === 'turn') await new Promise((resolve) => setImmediate(resolve));
          else if (one.act === 'cancel' || one.act === 'terminate')
            await administrator.query(`select pg_${one.act}_backend(pid) from (${backends}) b`);
          else answers.push(run(pipeline, one));
        }
        await Promise.all(answers);
        await until(() => pipeline.depth().open === 2 && pipeline.depth().inFlight === 0);
      }),
      { numRuns: 60, endOnFailure: true },
    );
    t.ok(asked > 500, `${asked} selects`);
  },
);
