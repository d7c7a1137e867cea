import { problemWords } from '../../src/api/index.ts';
import { createFairShares, type ShareOwner } from '../../src/platform/concurrency.ts';
import { createServer, Problem } from '../../src/platform/http/index.ts';
import { createLog } from '../../src/platform/telemetry/index.ts';
import { createStreams } from '../../src/tokens/status/streams.ts';
import { freePort } from '../support/process.ts';
import t from '../support/tap.ts';

// How event streams are shared (docs/freshness.md): who opens many shuts nobody else out.

const LIMITS = { owner: 50, kind: 1500, all: 2000 };
const network = (name: string): ShareOwner => ({ kind: 'network', name });
const client = (name: string): ShareOwner => ({ kind: 'client', name });

/** Shares that remember who has how many, and say who was displaced. */
function trackShares(limits = LIMITS) {
  const shares = createFairShares<{ owner: ShareOwner }>(limits);
  const open = new Set<{ owner: ShareOwner }>();
  const take = (owner: ShareOwner) => {
    const stream = { owner };
    const { isTaken, evicted } = shares.take(owner, stream);
    if (isTaken) open.add(stream);
    if (evicted) open.delete(evicted);
    return { isTaken, evicted: evicted?.owner.name };
  };
  const heldBy = (owner: ShareOwner) => [...open].filter((one) => one.owner.name === owner.name).length;
  const count = (kind: ShareOwner['kind']) => [...open].filter((one) => one.owner.kind === kind).length;
  const close = (owner: ShareOwner) => {
    const stream = [...open].find((one) => one.owner.name === owner.name);
    if (!stream) return;
    open.delete(stream);
    shares.release(owner, stream);
  };
  return { take, heldBy, count, close, open };
}

t.test('docs/freshness.md: 40 networks with 50 streams each do not keep a newcomer out', async (t) => {
  const { take, heldBy, count } = trackShares();
  for (let i = 0; i < 40; i++) for (let n = 0; n < 50; n++) take(network(`flood ${i}`));
  t.equal(count('network'), LIMITS.kind, 'a quarter stays free for clients');
  for (let n = 1; n <= 10; n++) {
    t.match(take(network('newcomer')), { isTaken: true, evicted: /^flood/ });
    t.equal(heldBy(network('newcomer')), n);
  }
  t.equal(count('network'), LIMITS.kind, 'one makes way for each');
  for (let i = 0; i < 500; i++) t.ok(take(client(`backend ${i}`)).isTaken);
  t.equal(count('network') + count('client'), LIMITS.all);
});

t.test('docs/freshness.md: no network loses a stream to one that then has as many', async (t) => {
  const { take, heldBy } = trackShares({ owner: 50, kind: 6, all: 8 });
  for (const name of ['a', 'a', 'a', 'b', 'b', 'c']) take(network(name));
  t.same(take(network('d')), { isTaken: true, evicted: 'a' });
  t.same(take(network('d')), { isTaken: false, evicted: undefined });
  t.same(take(network('c')), { isTaken: false, evicted: undefined });
  t.same(
    ['a', 'b', 'c', 'd'].map((name) => heldBy(network(name))),
    [2, 2, 1, 1],
  );
});

t.test(
  'docs/freshness.md: a client that authenticates has room that networks cannot take, and the reverse',
  async (t) => {
    const { take, count } = trackShares({ owner: 10, kind: 6, all: 8 });
    for (let i = 0; i < 20; i++) take(network(`n ${i}`));
    t.equal(count('network'), 6);
    for (let i = 0; i < 20; i++) take(client(`c ${i}`));
    t.same([count('client'), count('network')], [6, 2], 'clients come first, and two are left to the others');
    t.equal(take(client('another')).isTaken, false, 'all have one each');
    t.equal(take(network('another')).isTaken, false);
  },
);

t.test(
  'docs/freshness.md: whatever happens, no limit is passed and nothing is counted that is not there',
  async (t) => {
    const limits = { owner: 4, kind: 9, all: 12 };
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const { take, heldBy, count, close, open } = trackShares(limits);
    for (let step = 0; step < 20_000; step++) {
      const owner = random(2) ? network(`n${random(8)}`) : client(`c${random(8)}`);
      if (random(3) === 0) close(owner);
      else {
        const before = heldBy(owner);
        const { isTaken, evicted } = take(owner);
        if (before >= limits.owner && isTaken) t.fail('more than an owner may have');
        if (!isTaken && before === 0 && open.size < limits.all && count(owner.kind) < limits.kind)
          t.fail('room unused');
        if (evicted === owner.name) t.fail('made way for itself');
      }
      if (open.size > limits.all || count('client') > limits.kind || count('network') > limits.kind) t.fail('too many');
    }
    for (const { owner } of [...open]) close(owner);
    for (let i = 0; i < limits.kind; i++) t.ok(take(network(`later ${i}`)).isTaken, 'all of it is free again');
  },
);

t.test('docs/freshness.md: over the wire the newcomer is served, and the stream that makes way ends', async (t) => {
  const app = createServer({
    log: createLog('silent'),
    trustProxy: ['127.0.0.1'],
    hosts: null,
    hashWaitMilliseconds: 0,
    basePath: '',
    describeRefusal: () => ({}) as never,
    domainProblem: () => new Problem('internal'),
    problemWords,
  });
  const followers = new Set<unknown>();
  const lists = {
    follow: (_since: number | null, told: unknown) => {
      followers.add(told);
      return () => void followers.delete(told);
    },
  };
  const streamClient = async (request: { headers: { authorization?: string | undefined } }) =>
    request.headers.authorization ?? null;
  const streams = createStreams(app, lists as never, streamClient as never, { owner: 3, kind: 4, all: 5 });
  app.get('/events', async (request, reply) => {
    await streams.open(request, reply, null);
    return reply as never;
  });
  const port = await freePort();
  await app.listen({ host: '127.0.0.1', port });
  t.teardown(() => app.close());
  const abort = new AbortController();
  t.teardown(() => abort.abort());
  const open = async (ip: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/events`, {
      headers: { 'x-forwarded-for': ip, ...headers },
      signal: abort.signal,
    });
    const ended =
      response.status === 200
        ? response.text().then(
            () => 'ended',
            () => 'ended',
          )
        : 'refused';
    return { status: response.status, ended };
  };
  const flood = [];
  for (let i = 0; i < 4; i++) flood.push(await open(`2001:db8:1:${i}::1`));
  t.same(
    flood.map((one) => one.status),
    [200, 200, 200, 503],
    'the /64s of one /48 are one network',
  );
  t.equal((await open('2001:db8:2::1')).status, 200, 'another /48');
  t.equal((await open('203.0.113.7')).status, 200, 'and one that comes when all are taken');
  t.equal(await flood[2]?.ended, 'ended', 'the newest of the one that has most');
  t.equal((await open('2001:db8:1:9::1')).status, 503, 'which has its share still, and no more');
  t.equal(
    (await open('2001:db8:1:9::1', { authorization: 'a client' })).status,
    200,
    'from there too a client is served',
  );
  t.equal((await open('2001:db8:1:9::1', { authorization: 'a client' })).status, 200);
  t.equal(followers.size, 5, 'nothing is kept for a stream that has ended');
});
