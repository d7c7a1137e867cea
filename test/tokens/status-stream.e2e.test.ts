import { openTestEmbedded } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import { basic } from '../support/http.ts';
import { freePort } from '../support/process.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

// Over the wire: what a verifier's stream sees, and that it ends with the server.

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
  const signet = await openWorld(db, { environment: { SIGNET_ISSUER: issuer } });
  await signet.refresh();
  await signet.app.listen({ host: '127.0.0.1', port });
  const api = await signet.api('stream', { models: ['polls.choice'] });
  const stella = await signet.user('stella');
  const logIn = async () => (await signet.http.logIn('stella', { audience: 'stream' })).token;
  const token = async () => jwtClaims(await logIn()).status.status_list.idx;
  const give = (name: string) => signet.assign(stella, api, name);

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
    const follower = await signet.client('Follower', { requests: [api] });
    const fields = { grant_type: 'client_credentials', audience: 'stream' };
    const own: string = (await signet.http.oauth('token', fields, follower)).json().access_token;
    const ofUser = await logIn();
    const { authorization } = basic(follower);

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
    t.equal(await open(authorization), 200, 'by client_secret_basic');
    t.equal(await open(`Bearer ${own}`), 200, 'by a token of its own');
    t.equal(await open(`Bearer ${ofUser}`), 503, 'a user counts for the network');
    for (let i = 0; i < 48; i++) t.equal(await open(i % 2 ? authorization : `Bearer ${own}`), 200);
    t.equal(await open(authorization), 503, 'by both ways it is one client');
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
