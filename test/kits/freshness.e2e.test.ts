import { setTimeout as wait } from 'node:timers/promises';
import t from '../support/tap.ts';
import type { Answer } from './issuer.ts';
import { codeOf, startIssuer, until } from './issuer.ts';

// kits/node/README.md, "When the issuer does not answer".

const down: Answer = (_, response) => response.writeHead(503).end();
const basic = { clientId: 'c_1', clientSecret: 's:ecret' };

/** A clock whose second face is turned by hand: how old what is kept has become. */
function aging() {
  const clock = { ageMs: 0, now: () => Date.now(), elapsed: () => performance.now() + clock.ageMs };
  return clock;
}

await t.test(
  'S5: a change is seen by polling within ttl and a second, and unchanged lists are not sent again',
  async (t) => {
    const stand = await startIssuer(t);
    const verifier = stand.verifier();
    const token = stand.withStatus(5);
    t.equal((await verifier.verify(token)).isSuperseded, false);
    await until(() => stand.asks('/status-lists/1') >= 3);
    t.match(stand.requests.at(-1)?.headers, { 'if-none-match': '"0"' }, 'asked with the ETag');
    stand.setStatus(5, 2);
    const ms = await until(async () => (await codeOf(verifier.verify(token))) === 'token_suspended');
    t.ok(ms < 2000, `refused after ${ms} ms`);
    const before = stand.asks('/status-lists/1');
    await Promise.all(Array.from({ length: 50 }, () => codeOf(verifier.verify(token))));
    t.ok(stand.asks('/status-lists/1') - before <= 2, 'many tokens do not make many requests');
    verifier.close();
    const closed = stand.asks('/status-lists/1');
    await wait(1500);
    t.equal(stand.asks('/status-lists/1'), closed, 'nothing is asked after close()');
  },
);

await t.test(
  'docs/freshness.md: the event stream is faster than polling, resumes where it was, and never takes a status back',
  async (t) => {
    const stand = await startIssuer(t);
    stand.answers.set('/status-lists/events', stand.serveEvents);
    const slow: Answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/statuslist+jwt' }).end(stand.list({ ttl: 60 }));
    };
    stand.answers.set('/status-lists/1', slow);
    const verifier = stand.verifier({ events: true });
    const token = stand.withStatus(7);
    await verifier.verify(token);
    await until(() => stand.streams.size === 1);
    const send = (text: string) => {
      for (const stream of stand.streams) stream.write(text);
    };
    const event = (id: string, list: string, changes: unknown) =>
      `id: ${id}\ndata: ${JSON.stringify({ list, version: 1, changes })}\n\n`;
    const whole = event('e-1', stand.listUri, [[7, 3]]);
    send(whole.slice(0, 20));
    await wait(20);
    send(whole.slice(20));
    await until(async () => (await verifier.verify(token)).isSuperseded);
    send(event('e-2', '1', [[7, 2]]));
    await until(async () => (await codeOf(verifier.verify(token))) === 'token_suspended');
    send(event('e-3', stand.listUri, [[7, 0]]) + event('e-4', 'another', [[7, 1]]));
    await wait(50);
    t.equal(await codeOf(verifier.verify(token)), 'token_suspended', 'neither back to 0 nor by another list');

    for (const stream of stand.streams) stream.destroy();
    const ms = await until(() => stand.asks('/status-lists/events') === 2 && stand.streams.size === 1);
    t.ok(ms < 2000, `connected again after ${ms} ms`);
    t.equal(stand.requests.findLast((one) => one.path === '/status-lists/events')?.headers['last-event-id'], 'e-4');
    const asked = stand.asks('/status-lists/1');
    await wait(1100);
    send('data: {"list":"1","list":"2","changes":[]}\n\n');
    await until(() => stand.asks('/status-lists/1') > asked);
    t.equal(await codeOf(verifier.verify(token)), 'token_suspended', 'the older list does not take the event back');
    verifier.close();
    await until(() => stand.streams.size === 0);
  },
);

await t.test('no stream is opened for tokens without a status, nor one address twice', async (t) => {
  const stand = await startIssuer(t);
  stand.answers.set('/status-lists/events', stand.serveEvents);
  const verifier = stand.verifier({ events: true });
  await verifier.verify(stand.token());
  await wait(100);
  t.equal(stand.asks('/status-lists/events'), 0);
  await Promise.all(Array.from({ length: 10 }, (_, idx) => verifier.verify(stand.withStatus(idx))));
  await until(() => stand.streams.size === 1);
  await wait(100);
  t.equal(stand.asks('/status-lists/events'), 1);
});

await t.test(
  'a server without a stream is left alone for a while; an event that is too long ends the connection',
  async (t) => {
    const stand = await startIssuer(t);
    const errors: unknown[] = [];
    const options = { events: true, onError: (error: unknown) => errors.push(error) };
    const lonely = stand.verifier(options);
    await lonely.verify(stand.withStatus(1));
    await wait(1500);
    t.equal(stand.asks('/status-lists/events'), 1, '404: not again within a second');
    t.equal(errors.length, 1);
    lonely.close();

    stand.answers.set('/status-lists/events', stand.serveEvents);
    await stand.verifier(options).verify(stand.withStatus(1));
    await until(() => stand.streams.size === 1);
    for (const stream of stand.streams) stream.write(`data: ${'a'.repeat(2 * 1024 * 1024)}`);
    await until(() => stand.asks('/status-lists/events') === 3);
    t.match(errors.at(-1), { code: 'request_failed' });
  },
);

await t.test(
  'the failure policy: good until maxStalenessSeconds, then refused, and good again when the issuer is back',
  async (t) => {
    const stand = await startIssuer(t);
    const clock = aging();
    const verifier = stand.verifier({ clock, maxStalenessSeconds: 30 });
    const token = stand.withStatus(1);
    await verifier.verify(token);
    stand.answers.set('/status-lists/1', down);
    clock.ageMs += 25_000;
    t.equal((await verifier.verify(token)).id, 'user-1', '25 s old');
    clock.ageMs += 6_000;
    t.equal(await codeOf(verifier.verify(token)), 'status_unavailable', '31 s old');
    t.equal(await codeOf(stand.verifier().verify(token)), 'status_unavailable', 'never seen');
    t.equal((await verifier.verify(stand.token())).id, 'user-1', 'a token without a status needs no list');
    stand.answers.set('/status-lists/1', stand.serveList);
    await until(async () => (await codeOf(verifier.verify(token))) === 'nothing was refused');
  },
);

await t.test('S5: a list whose exp has passed is not believed, however short ago it was confirmed', async (t) => {
  const stand = await startIssuer(t);
  let shift = 0;
  const clock = { now: () => Date.now() + shift, elapsed: () => performance.now() };
  const verifier = stand.verifier({ clock, maxStalenessSeconds: 3600 });
  const seconds = Math.floor(Date.now() / 1000);
  await verifier.verify(stand.withStatus(1));
  const young = stand.withStatus(1, { iat: seconds + 400, exp: seconds + 900 });
  shift = 400_000;
  t.equal(await codeOf(verifier.verify(young)), 'status_unavailable');
});

await t.test('S5: lists that are not what was asked for', async (t) => {
  const stand = await startIssuer(t);
  const seconds = Math.floor(Date.now() / 1000);
  const serve =
    (token: string, type = 'application/statuslist+jwt'): Answer =>
    (_, response) =>
      response.writeHead(200, { 'content-type': type }).end(token);
  const cases: Record<string, Answer> = {
    'of another address': serve(stand.list({ sub: `${stand.issuer}/status-lists/2` })),
    expired: serve(stand.list({ exp: seconds - 100 })),
    'an access token': serve(stand.token({ sub: stand.listUri })),
    'of another content type': serve(stand.list(), 'text/html'),
    'of a content type that only begins so': serve(stand.list(), 'application/statuslist+jwtx'),
    'no token': serve('<html>'),
    empty: serve(''),
    'a redirect': (_, response) => response.writeHead(302, { location: `${stand.issuer}/moved` }).end(),
    'kept by a cache for longer than it may be': (_, response) =>
      response.writeHead(200, { 'content-type': 'application/statuslist+jwt', age: '40' }).end(stand.list()),
    'a 304 to nobody who asked': (_, response) => response.writeHead(304).end(),
    'cut off': (_, response) => {
      response.writeHead(200, { 'content-type': 'application/statuslist+jwt', 'content-length': '5000' });
      response.write('abc', () => response.destroy());
    },
  };
  stand.answers.set('/moved', serve(stand.list()));
  for (const [name, answer] of Object.entries(cases)) {
    stand.answers.set('/status-lists/1', answer);
    const verifier = stand.verifier();
    t.equal(await codeOf(verifier.verify(stand.withStatus(1))), 'status_unavailable', name);
    verifier.close();
  }
  t.equal(stand.asks('/moved'), 0, 'redirects are not followed');
});

await t.test(
  'a list of another process may be a minute older; one that is older than that confirms nothing',
  async (t) => {
    const stand = await startIssuer(t);
    const clock = aging();
    const verifier = stand.verifier({ clock });
    const old = stand.list({ iat: Math.floor(Date.now() / 1000) - 100 });
    const others = stand.list({ iat: Math.floor(Date.now() / 1000) - 50 });
    stand.setStatus(3, 1);
    const token = stand.withStatus(3);
    t.equal(await codeOf(verifier.verify(token)), 'token_revoked');
    const serve = (list: string) =>
      stand.answers.set('/status-lists/1', (_, response) =>
        response.writeHead(200, { 'content-type': 'application/statuslist+jwt' }).end(list),
      );
    serve(others);
    clock.ageMs += 31_000;
    t.equal(await codeOf(verifier.verify(stand.withStatus(4))), 'nothing was refused');
    t.equal(await codeOf(verifier.verify(token)), 'token_revoked', 'and a status never goes back');
    serve(old);
    clock.ageMs += 31_000;
    t.equal(await codeOf(verifier.verify(token)), 'status_unavailable');
  },
);

await t.test(
  'introspection decides when the list cannot: once per token in 5 s, by the rights as of now',
  async (t) => {
    const stand = await startIssuer(t);
    stand.answers.set('/status-lists/1', down);
    const clock = aging();
    const verifier = stand.verifier({ clock, introspection: basic });
    const token = stand.withStatus(1, { jti: 'j' });
    const answer = (more: object = {}) =>
      stand.json({
        ...{ active: true, iss: stand.issuer, aud: 'polls', sub: 'user-1', jti: 'j' },
        ...{ permissions: ['polls.view_choice'], is_superuser: false, ...more },
      });
    stand.answers.set('/oauth2/introspect', answer());
    const users = await Promise.all(Array.from({ length: 20 }, () => verifier.verify(token)));
    t.equal(stand.asks('/oauth2/introspect'), 1, 'twenty at once are one request');
    t.same(
      users.map((user) => [user.hasPerm('polls.view_choice'), user.hasPerm('polls.add_choice')]),
      users.map(() => [true, false]),
    );
    const asked = stand.requests.find((one) => one.path === '/oauth2/introspect');
    t.equal(asked?.headers.authorization, `Basic ${Buffer.from('c_1:s%3Aecret').toString('base64')}`);
    t.equal(new URLSearchParams(asked?.body).get('token'), token);

    const admitted = verifier.admit(`Bearer ${token}`, { perms: 'polls.add_choice' });
    t.equal(await codeOf(admitted), 'permission_denied', 'row 77: a higher demand is judged anew by the kept answer');
    stand.answers.set('/oauth2/introspect', stand.json({ active: false }));
    clock.ageMs += 4_000;
    t.equal((await verifier.verify(token)).id, 'user-1', 'the answer stands for 5 s');
    clock.ageMs += 2_000;
    t.equal(await codeOf(verifier.verify(token)), 'token_inactive');
    t.equal(stand.asks('/oauth2/introspect'), 2);

    for (const [name, more] of Object.entries({
      'another subject': { sub: 'user-2' },
      'another audience': { aud: 'shop' },
      'another issuer': { iss: 'https://evil.example' },
      'another token': { jti: 'k' },
      'permissions that are no list': { permissions: 'polls.view_choice' },
      'active as a string': { active: 'true' },
    })) {
      clock.ageMs += 6_000;
      stand.answers.set('/oauth2/introspect', answer(more));
      t.equal(await codeOf(verifier.verify(token)), 'status_unavailable', name);
    }
  },
);

await t.test('an outage of introspection is no storm', async (t) => {
  const stand = await startIssuer(t);
  stand.answers.set('/status-lists/1', down);
  stand.answers.set('/oauth2/introspect', down);
  const clock = aging();
  const verifier = stand.verifier({ clock, introspection: basic });
  const tokens = Array.from({ length: 100 }, (_, idx) => stand.withStatus(idx));
  const first = await Promise.all(tokens.map((token) => codeOf(verifier.verify(token))));
  t.same([...new Set(first)], ['status_unavailable']);
  t.ok(stand.asks('/oauth2/introspect') <= 32, `${stand.asks('/oauth2/introspect')} requests at once`);
  const before = stand.asks('/oauth2/introspect');
  await Promise.all(tokens.map((token) => codeOf(verifier.verify(token))));
  t.equal(stand.asks('/oauth2/introspect'), before, 'nobody asks for a second after a failure');
  clock.ageMs += 1_500;
  t.equal(await codeOf(verifier.verify(tokens[0] as string)), 'status_unavailable');
  t.equal(stand.asks('/oauth2/introspect'), before, 'a token that was asked about waits for 5 s');
});

await t.test('introspection is not asked about tokens that are wrong, or known to be over', async (t) => {
  const stand = await startIssuer(t);
  stand.setStatus(1, 1);
  stand.setStatus(2, 2);
  const verifier = stand.verifier({ introspection: basic });
  t.equal(await codeOf(verifier.verify(stand.withStatus(1))), 'token_revoked');
  t.equal(await codeOf(verifier.verify(stand.withStatus(2))), 'token_suspended');
  t.equal(await codeOf(verifier.verify(stand.withStatus(999))), 'status_out_of_range');
  t.equal(await codeOf(verifier.verify(stand.token({ exp: 1, iat: 1 }))), 'token_expired');
  t.equal(stand.asks('/oauth2/introspect'), 0);
});
