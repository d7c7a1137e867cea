import { createClient } from '../../src/oauth/index.ts';
import { assign, changeCatalogue, createApi, defaultPermissions, getPermissions } from '../../src/permissions/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { audit, makeUser, startApp } from '../support/server.ts';
import t from '../support/tap.ts';

// Over the wire: what a verifier's stream sees, and that it ends with the server.

const PASSWORD = 'a long enough phrase';

interface Event {
  readonly id: number;
  readonly data: { list: number; version: number; changes: [number, number][] };
}

/** Reads events until `isEnough`, or the end. */
async function read(url: string, headers: Record<string, string>, isEnough: (events: Event[]) => boolean) {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const events: Event[] = [];
  const text = response.body?.pipeThrough(new TextDecoderStream());
  let rest = '';
  const done = (async () => {
    try {
      for await (const chunk of text ?? []) {
        const parts = (rest + chunk).split('\n\n');
        rest = parts.pop() ?? '';
        for (const part of parts) {
          const [, id, data] = /^id: (\d+)\ndata: (.*)$/m.exec(part) ?? [];
          if (id && data) events.push({ id: Number(id), data: JSON.parse(data) });
        }
        if (isEnough(events)) break;
      }
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error;
    }
    abort.abort();
    return events;
  })();
  return { response, events, done };
}

t.test('§6: the event stream', async (t) => {
  const db = await openTestEmbedded();
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const signet = await startApp(db, { environment: { SIGNET_ISSUER: issuer, SIGNET_ARGON2_MEMORY: '7168' } });
  await signet.refresh();
  await signet.app.listen({ host: '127.0.0.1', port });
  const api = await createApi(db.fork(), audit(), 'stream');
  await changeCatalogue(db.fork(), audit(), api, defaultPermissions('polls', 'choice'));
  const alice = await makeUser(db, signet.passwords, 'stella', PASSWORD);
  const asUser = { kind: 'user' as const, principal: { id: alice.id, label: 'stella' } };
  const token = async () => {
    const response = await fetch(`${issuer}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'stella', password: PASSWORD, audience: 'stream' }),
    });
    const { access_token } = (await response.json()) as { access_token: string };
    return JSON.parse(Buffer.from(access_token.split('.')[1] as string, 'base64url').toString()).status.status_list.idx;
  };
  const give = async (name: string) =>
    assign(db.fork(), audit(), asUser, [(await getPermissions(db.fork(), api, [name]))[0] as never]);

  await t.test('tells each change with its list and version, and resumes after the last one seen', async (t) => {
    const idx = await token();
    const stream = await read(`${issuer}/status-lists/events`, {}, (events) => events.length === 1);
    t.match(stream.response.headers.get('content-type'), 'text/event-stream');
    t.equal(stream.response.headers.get('access-control-allow-origin'), '*');
    await give('polls.add_choice');
    await signet.refresh();
    const [event] = await stream.done;
    t.match(event, { data: { list: 1, changes: [[idx, 3]] } });
    t.equal(event?.id, event?.data.version);

    const next = await token();
    await give('polls.change_choice');
    await signet.refresh();
    const headers = { 'last-event-id': String(event?.id) };
    const isIt = ([at, state]: [number, number]) => at === next && state === 3;
    const again = await read(`${issuer}/status-lists/1/events`, headers, (events) =>
      events.some((one) => one.data.changes.some(isIt)),
    );
    t.ok((await again.done).some((one) => one.data.changes.some(isIt)));
    const other = await read(`${issuer}/status-lists/2/events`, {}, () => true);
    t.equal(other.response.status, 200, 'a list that is yet to come can be followed');
    void other.response.body?.cancel().catch(() => {});
  });

  await t.test('streams of one address are bounded', async (t) => {
    const open = await Promise.all(
      Array.from({ length: 60 }, () => fetch(`${issuer}/status-lists/events`).catch(() => null)),
    );
    const statuses = open.map((one) => one?.status);
    t.ok(statuses.filter((one) => one === 200).length <= 50);
    const refused = open.find((one) => one?.status === 503);
    t.ok(refused?.headers.get('retry-after'));
    await Promise.all(open.map((one) => one?.body?.cancel().catch(() => {})));
  });

  await t.test('docs/freshness.md: a client that authenticates has streams of its own; a user has not', async (t) => {
    const { client, secret } = await createClient(db.fork(), audit(), {
      name: 'Follower',
      preset: 'service',
      requests: [api],
    });
    const basic = `Basic ${Buffer.from(`${client.clientId}:${secret}`).toString('base64')}`;
    const json = async (path: string, init: RequestInit) =>
      ((await (await fetch(`${issuer}${path}`, { method: 'POST', ...init })).json()) as { access_token: string })
        .access_token;
    const form = new URLSearchParams({ grant_type: 'client_credentials', audience: 'stream' });
    const own = await json('/oauth2/token', { body: form, headers: { authorization: basic } });
    const body = JSON.stringify({ username: 'stella', password: PASSWORD, audience: 'stream' });
    const ofUser = await json('/api/v1/login', { body, headers: { 'content-type': 'application/json' } });

    const abort = new AbortController();
    // Kept: fetch closes the stream of a response that is garbage.
    const responses: Response[] = [];
    const open = async (authorization?: string) => {
      const headers: Record<string, string> = authorization ? { authorization } : {};
      const response = await fetch(`${issuer}/status-lists/events`, { signal: abort.signal, headers });
      responses.push(response);
      return response.status;
    };
    const anonymous: number[] = [];
    for (let i = 0; i < 51; i++) anonymous.push(await open());
    t.equal(anonymous.at(-1), 503);
    t.equal(await open(basic), 200, 'by client_secret_basic');
    t.equal(await open(`Bearer ${own}`), 200, 'by a token of its own');
    t.equal(await open(`Bearer ${ofUser}`), 503, 'a user counts for the network');
    for (let i = 0; i < 48; i++) t.equal(await open(i % 2 ? basic : `Bearer ${own}`), 200);
    t.equal(await open(basic), 503, 'by both ways it is one client');
    t.equal(await open('Basic eDp5'), 503, 'whose credentials are not good is nobody');
    t.equal(await open('Bearer none'), 503);
    t.equal(responses.length, 51 + 3 + 48 + 3);
    abort.abort();
  });

  await t.test('closing the server ends them', async (t) => {
    const stream = await read(`${issuer}/status-lists/events`, {}, () => false);
    await signet.app.close();
    t.same(await stream.done, []);
    await db.close();
  });
});
