import { setTimeout as wait } from 'node:timers/promises';
import t from '../support/tap.ts';
import { codeOf, startIssuer, until } from './issuer.ts';

// The issuer has several processes: each signs its own lists, at a time of its own, and tells its own followers.

const seconds = () => Math.floor(Date.now() / 1000);
type Stand = Awaited<ReturnType<typeof startIssuer>>;

function aging() {
  const clock = { ageMs: 0, now: () => Date.now(), elapsed: () => performance.now() + clock.ageMs };
  return clock;
}

function serve(stand: Stand, list: string): void {
  stand.answers.set('/status-lists/1', (_, response) =>
    response.writeHead(200, { 'content-type': 'application/statuslist+jwt' }).end(list),
  );
}

await t.test('S5: of two lists of a minute the worse of both counts, whichever was signed first', async (t) => {
  const stand = await startIssuer(t);
  const clock = aging();
  const verifier = stand.verifier({ clock });
  const of = (idx: number) => codeOf(verifier.verify(stand.withStatus(idx)));
  stand.setStatus(3, 3);
  stand.setStatus(4, 2);
  const first = stand.list({ iat: seconds() });
  stand.setStatus(4, 0);
  stand.setStatus(3, 2);
  stand.setStatus(5, 1);
  // The clock of that process is behind: it has seen more.
  const second = stand.list({ iat: seconds() - 50 });
  serve(stand, first);
  t.equal(await of(5), 'nothing was refused');
  serve(stand, second);
  clock.ageMs += 31_000;
  t.equal(await of(5), 'token_revoked', 'what only the older one says');
  t.equal(await of(3), 'token_suspended', 'both');
  t.equal(await of(4), 'token_suspended', 'what only the younger one says');
  t.equal(await of(6), 'nothing was refused', 'and it is fresh');
  serve(stand, stand.list({ iat: seconds() - 70 }));
  clock.ageMs += 31_000;
  t.equal(await of(6), 'status_unavailable', 'before the first by more than 60 s and ttl');
  serve(stand, stand.list({ iat: seconds() + 5 }));
  clock.ageMs += 1_100;
  await until(async () => (await of(4)) === 'nothing was refused');
});

await t.test('S5: what the stream said holds until a list was signed after it', async (t) => {
  const stand = await startIssuer(t);
  stand.answers.set('/status-lists/events', stand.serveEvents);
  const clock = aging();
  const verifier = stand.verifier({ clock, events: true });
  const token = stand.withStatus(7);
  await verifier.verify(token);
  await until(() => stand.streams.size === 1);
  for (const stream of stand.streams) stream.write('data: {"list":1,"version":1,"changes":[[7,1]]}\n\n');
  await until(async () => (await codeOf(verifier.verify(token))) === 'token_revoked');
  serve(stand, stand.list({ iat: seconds() - 40 }));
  for (let turn = 0; turn < 2; turn++) {
    clock.ageMs += 61_000;
    t.equal(await codeOf(verifier.verify(token)), 'token_revoked', 'however long such a list is served');
  }
});

await t.test('§6: a stream that begins anew a moment after a look at the list has it read again', async (t) => {
  const stand = await startIssuer(t);
  stand.answers.set('/status-lists/events', stand.serveEvents);
  stand.answers.set('/status-lists/1', (_, response) =>
    response.writeHead(200, { 'content-type': 'application/statuslist+jwt' }).end(stand.list({ ttl: 60 })),
  );
  const verifier = stand.verifier({ events: true });
  const token = stand.withStatus(7);
  await verifier.verify(token);
  await until(() => stand.streams.size === 1);
  await until(() => stand.asks('/status-lists/1') === 2);
  // What this process has to tell is not remembered by the next one.
  stand.setStatus(7, 2);
  for (const stream of stand.streams) stream.destroy();
  const ms = await until(async () => (await codeOf(verifier.verify(token))) === 'token_suspended');
  t.ok(ms < 4000, `refused after ${ms} ms, not at the next poll in half a minute`);
  t.equal(stand.asks('/status-lists/events'), 2);
  t.equal(stand.asks('/status-lists/1'), 3, 'one request for each');
});

for (const event of ['{"list":1,"version":9,"changes":[]}', '{"list":1,"version":9}'])
  await t.test(`docs/freshness.md: ${event} has that list read at once`, async (t) => {
    const stand = await startIssuer(t);
    stand.answers.set('/status-lists/events', stand.serveEvents);
    const list = (path: string) =>
      stand.answers.set(path, (_, response) =>
        response
          .writeHead(200, { 'content-type': 'application/statuslist+jwt' })
          .end(stand.list({ ttl: 60, sub: `${stand.issuer}${path}` })),
      );
    list('/status-lists/1');
    list('/status-lists/2');
    const verifier = stand.verifier({ events: true });
    const token = stand.withStatus(7);
    await verifier.verify(token);
    await verifier.verify(stand.token({ status: { status_list: { idx: 1, uri: `${stand.issuer}/status-lists/2` } } }));
    await until(() => stand.streams.size === 1);
    await wait(1100);
    const others = stand.asks('/status-lists/2');
    stand.setStatus(7, 2);
    // Two at once: what is asked for after the first may be older than the second.
    for (const stream of stand.streams) stream.write(`data: ${event}\n\ndata: ${event}\n\n`);
    const ms = await until(async () => (await codeOf(verifier.verify(token))) === 'token_suspended');
    t.ok(ms < 2000, `refused after ${ms} ms`);
    t.equal(stand.asks('/status-lists/2'), others, 'and no other list');
    stand.setStatus(7, 1);
    for (const stream of stand.streams) stream.write(`data: ${event}\n\n`);
    await until(async () => (await codeOf(verifier.verify(token))) === 'token_revoked');
    t.ok(stand.asks('/status-lists/1') <= 4, 'one request each, not more than one a second');
  });
