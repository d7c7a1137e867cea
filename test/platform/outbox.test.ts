import { type Database, view } from '../../src/platform/database/index.ts';
import {
  type ClaimedDelivery,
  createOutbox,
  type DeliveryError,
  type DeliveryOutcome,
  deleteDeliveries,
  enqueue,
  enqueueRows,
  purgeOutbox,
  releaseDeliveries,
} from '../../src/platform/outbox/index.ts';
import { onEachEngine } from '../support/database.ts';
import { testClock } from '../support/server.ts';
import t from '../support/tap.ts';

const TOPIC = 'test.letters';
const ANNA = '0196d3a0-0000-7000-8000-00000000000a';
const BERT = '0196d3a0-0000-7000-8000-00000000000b';

interface Letter {
  readonly text: string;
}

type Sent = ClaimedDelivery<Letter>;

interface Row {
  readonly target: string;
  readonly tries: number;
  readonly last_error: string | null;
  readonly is_done: boolean;
  readonly wait: number;
}

/** Waits for something that another task does. */
async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 6000 && !what(); tries++) await new Promise((done) => setTimeout(done, 10));
  if (!what()) throw new Error('it did not happen');
}

/** A promise that a test keeps when it likes. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** One topic, its nodes, and what they sent. */
function outboxWorld(db: Database) {
  const clock = testClock();
  const sent: Sent[] = [];
  const attempts: [DeliveryOutcome, string | null][] = [];
  interface Node {
    readonly topic?: string;
    readonly all?: number;
    readonly stopping?: AbortSignal;
    readonly database?: Database;
    readonly send?: (letter: Sent) => Promise<DeliveryError | null>;
  }
  /** One run of a node, until nothing is due. */
  const run = (node: Node = {}) =>
    createOutbox<Letter>({
      db: node.database ?? db,
      clock,
      topic: node.topic ?? TOPIC,
      limits: { all: node.all ?? 8, perTarget: 2 },
      maxTries: 3,
      send: async (letter) => {
        sent.push(letter);
        return node.send ? node.send(letter) : null;
      },
      onAttempt: (outcome, _, error) => void attempts.push([outcome, error]),
    })(node.stopping ?? new AbortController().signal);
  const put = (target: string, text: string, more: { topic?: string; heldBy?: string; id?: string } = {}) =>
    db.fork().transactional((tx) => enqueue(tx, clock.now(), { topic: TOPIC, target, payload: { text }, ...more }));
  const rows = () =>
    db.fork().execute<Row[]>(
      `select target, tries::int as tries, last_error, done_at is not null as is_done,
       extract(epoch from next_try_at - ?::timestamptz)::float8 as wait from platform_outbox order by created_at, target`,
      [clock.now()],
    );
  const empty = async () => {
    await db.fork().execute('delete from platform_outbox');
    sent.length = 0;
    attempts.length = 0;
  };
  const texts = () => sent.map((one) => one.payload.text).sort();
  return { clock, sent, attempts, run, put, rows, empty, texts };
}

t.test('the outbox', (t) =>
  onEachEngine(t, async (t, db) => {
    const { clock, sent, attempts, run, put, rows, empty, texts } = outboxWorld(db);

    await t.test('decision 20: a delivery belongs to the transaction that causes it', async (t) => {
      await empty();
      const undone = db.fork().transactional(async (tx) => {
        await enqueue(tx, clock.now(), { topic: TOPIC, target: 'anna', payload: { text: 'never' } });
        throw new Error('undone');
      });
      await t.rejects(undone, /undone/);
      t.same(await rows(), []);
      const text = `it's "quoted" \\ and asks?`;
      t.equal(await put('anna', text, { id: ANNA }), ANNA);
      await run();
      t.same(sent, [{ id: ANNA, target: 'anna', payload: { text }, tries: 1 }]);
      t.same(attempts, [['delivered', null]]);
      await run();
      t.equal(sent.length, 1, 'and never again');
      t.match(await rows(), [{ target: 'anna', tries: 1, last_error: null, is_done: true }]);
    });

    await t.test('decision 20: several nodes at once send each delivery once', async (t) => {
      await empty();
      for (const target of ['anna', 'bert', 'carl']) for (let n = 0; n < 8; n++) await put(target, `${target} ${n}`);
      const send = async () => {
        await new Promise((done) => setTimeout(done, 5));
        return null;
      };
      await Promise.all([run({ send }), run({ send }), run({ send })]);
      t.equal(sent.length, 24);
      t.equal(new Set(sent.map((one) => one.id)).size, 24);
      t.ok((await rows()).every((one) => one.is_done));
    });

    await t.test('decision 20: what a node had when it died is claimed again when its lease is over', async (t) => {
      await empty();
      await put('anna', 'late');
      const dead = gate();
      const node = run({ send: () => dead.opened.then(() => ({ code: 'too_late' })) });
      await until(() => sent.length === 1);
      clock.pass(29);
      await run();
      t.equal(sent.length, 1, 'it may be under way still');
      clock.pass(2);
      await run();
      t.same(
        sent.map((one) => one.tries),
        [1, 2],
      );
      dead.open();
      await node;
      t.match(await rows(), [{ tries: 2, last_error: null, is_done: true }], 'the first node changes nothing');
    });

    await t.test('decision 20: a delivery whose outcome could not be stored is left to its lease', async (t) => {
      await empty();
      await put('anna', 'twice');
      const query: Database['query'] = async (statement, values) => {
        if (statement.name === 'platform-outbox-done') throw new Error('the disk is full');
        return db.query(statement, values);
      };
      await t.rejects(run({ database: { ...db, query } }), /the disk is full/);
      t.match(await rows(), [{ tries: 1, is_done: false }]);
      await run();
      t.equal(sent.length, 1);
      clock.pass(31);
      await run();
      t.equal(sent.length, 2);
      t.match(await rows(), [{ tries: 2, is_done: true }]);
    });

    await t.test('decision 20: a target with ten thousand deliveries takes its share, and delays none', async (t) => {
      await empty();
      await db.fork().transactional((tx) =>
        enqueueRows(tx, clock.now(), TOPIC, {
          sql: `select gen_random_uuid() as id, ?::text as target, jsonb_build_object('text', 'n' || n) as payload, null::uuid as held_by
            from generate_series(1, 10000) n`,
          values: ['anna'],
        }),
      );
      clock.pass(1);
      await put('bert', 'first');
      const slow = gate();
      const stop = new AbortController();
      const send = async ({ target }: Sent) => {
        if (target === 'anna') await slow.opened;
        return null;
      };
      const node = run({ all: 4, send, stopping: stop.signal });
      const count = (target: string) => sent.filter((one) => one.target === target).length;
      await until(() => count('bert') === 1);
      t.equal(count('anna'), 2, 'two of the ten thousand are under way');
      await put('bert', 'second');
      await put('carl', 'third');
      await until(() => count('bert') === 2 && count('carl') === 1);
      t.equal(count('anna'), 2, 'while they are, others are sent');
      stop.abort();
      slow.open();
      await node;
      t.same(attempts, Array(5).fill(['delivered', null]), 'and a node that stops finishes what it has begun');
    });

    await t.test('decision 20: a process sends no more at once than its limit', async (t) => {
      await empty();
      for (const target of ['anna', 'bert', 'carl']) for (let n = 0; n < 3; n++) await put(target, `${target} ${n}`);
      let [open, most] = [0, 0];
      const send = async () => {
        most = Math.max(most, ++open);
        await new Promise((done) => setTimeout(done, 5));
        open -= 1;
        return null;
      };
      await run({ all: 3, send });
      t.same([sent.length, most], [9, 3]);
    });

    await t.test('decision 20: each wait is four times the one before, until the delivery is given up', async (t) => {
      await empty();
      await put('anna', 'refused');
      const send = async () => ({ code: 'status_503' });
      for (let tries = 1; tries <= 3; tries++) {
        await run({ send });
        const [row] = (await rows()) as [Row];
        t.match(row, { tries, last_error: 'status_503', is_done: tries === 3 });
        if (tries === 3) break;
        t.ok(row.wait >= 0.8 * 4 ** tries && row.wait <= 1.2 * 4 ** tries, `${row.wait} s after ${tries}`);
        await run({ send });
        t.equal(sent.length, tries, 'not before its time');
        clock.pass(row.wait + 0.001);
      }
      clock.pass(86_400);
      await run({ send });
      t.same(attempts, [
        ['failed', 'status_503'],
        ['failed', 'status_503'],
        ['given_up', 'status_503'],
      ]);
    });

    await t.test('decision 20: a delivery for which no further try would help is given up at once', async (t) => {
      await empty();
      await put('anna', 'unknown');
      await run({ send: async () => ({ code: 'no_uri', isFinal: true }) });
      t.same(attempts, [['given_up', 'no_uri']]);
      t.match(await rows(), [{ tries: 1, last_error: 'no_uri', is_done: true }]);
    });

    await t.test('decision 20: a held delivery waits until its holder releases it, or hands it on', async (t) => {
      await empty();
      await put('anna', 'handed on', { heldBy: ANNA });
      await put('bert', 'released', { heldBy: ANNA });
      await put('carl', 'of another holder', { heldBy: BERT });
      await put('carl', 'of another topic', { heldBy: ANNA, topic: 'test.parcels' });
      clock.pass(86_400);
      await run();
      t.same(texts(), []);
      const release = (topic: string, holders: string[], next: { id: string; payload: object } | null) =>
        db.fork().transactional((tx) => releaseDeliveries(tx, clock.now(), topic, holders, next));
      await release(TOPIC, [ANNA], { id: BERT, payload: { text: 'handed on' } });
      await run();
      await run({ topic: 'test.parcels' });
      t.same(texts(), ['released']);
      await release(TOPIC, [ANNA, BERT], null);
      await run();
      t.same(texts(), ['handed on', 'of another holder', 'released']);
      await release('test.parcels', [ANNA], null);
      await run({ topic: 'test.parcels' });
      t.equal(sent.at(-1)?.payload.text, 'of another topic');
    });

    await t.test('decision 20: a topic waits for no other, even for the same target', async (t) => {
      await empty();
      for (let n = 0; n < 9; n++) await put('anna', `letter ${n}`);
      await put('anna', 'parcel', { topic: 'test.parcels' });
      const slow = gate();
      const stop = new AbortController();
      const letters = run({ send: () => slow.opened.then(() => null), stopping: stop.signal });
      await until(() => sent.length === 2);
      await run({ topic: 'test.parcels' });
      t.equal(sent.at(-1)?.payload.text, 'parcel');
      t.equal(sent.length, 3, 'and a node sends its own topic alone');
      stop.abort();
      slow.open();
      await letters;
    });

    await t.test('decision 20: what is pending for a target that is gone is deleted, of every topic', async (t) => {
      await empty();
      await put('anna', 'done');
      await run();
      await put('anna', 'pending');
      await put('anna', 'held', { heldBy: ANNA });
      await put('anna', 'of another topic', { topic: 'test.parcels' });
      await put('bert', 'his');
      await db.fork().transactional((tx) => deleteDeliveries(tx, 'anna'));
      t.same(
        (await rows()).map((one) => [one.target, one.is_done]),
        [
          ['anna', true],
          ['bert', false],
        ],
      );
    });

    await t.test('decision 20: outcomes are kept for a week, and what nothing will release no longer', async (t) => {
      await empty();
      const principals = { topic: TOPIC, holders: view('permissions_principal', 'id') };
      await db.fork().execute(`insert into permissions_principal (id, kind) values (?, 'user')`, [ANNA]);
      await put('delivered', '');
      await put('given up', '');
      const send = async ({ target }: Sent) => (target === 'delivered' ? null : { code: 'status_410', isFinal: true });
      await run({ send });
      await put('pending', '');
      await put('held', '', { heldBy: ANNA });
      await put('held by what is gone', '', { heldBy: BERT });
      await put('held in another topic', '', { heldBy: BERT, topic: 'test.parcels' });
      const left = async () => (await rows()).map((one) => one.target).sort();
      const all = await left();
      clock.pass(7 * 86_400 - 60);
      await purgeOutbox(db, clock.now(), [principals]);
      t.same(await left(), all);
      clock.pass(120);
      await purgeOutbox(db, clock.now(), [principals]);
      t.same(await left(), ['held', 'held in another topic', 'pending']);
    });
  }),
);
