import { Agent, type IncomingMessage, request } from 'node:http';
import pg from 'pg';
import t, { type Test } from '../support/tap.ts';
import {
  type Environment,
  type Instance,
  noPostgresql,
  type OwnPostgresql,
  preparePlace,
  startInstance,
  startPostgresql,
} from './instance.ts';

// The database goes away, comes back, hangs and is slow, under traffic, and the server is told to stop: clients see what
// they may see and nothing else. One server process through all of it, never restarted.

const PASSWORD = 'a phrase that is long enough';
const LONGEST_MS = 15_000;

interface Seen {
  readonly what: string;
  readonly status: number;
  readonly retryAfter: string | null;
  readonly milliseconds: number;
  readonly body: string;
}

function client(url: string) {
  const json = { 'content-type': 'application/json' };
  async function ask(what: string, path: string, init: RequestInit = {}): Promise<Seen & { cookie: string }> {
    const came = Date.now();
    try {
      const response = await fetch(url + path, { ...init, signal: AbortSignal.timeout(40_000) });
      const body = await response.text();
      const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      const retryAfter = response.headers.get('retry-after');
      return { what, status: response.status, retryAfter, milliseconds: Date.now() - came, body, cookie };
    } catch (error) {
      const body = String((error as Error).cause ?? error);
      return { what, status: 0, retryAfter: null, milliseconds: Date.now() - came, body, cookie: '' };
    }
  }
  const post = (what: string, path: string, body: object, headers: Record<string, string> = {}) =>
    ask(what, path, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) });
  return { ask, post };
}

/** Everything that clients do, over and over, while `fault` goes on; answers what they saw. */
async function traffic(instance: Instance, workers: number, fault: () => Promise<void>): Promise<Seen[]> {
  const { ask, post } = client(instance.url);
  let isOver = false;
  const seen: Seen[] = [];
  const run = async (worker: number) => {
    const username = `worker${worker}`;
    let made = 0;
    let headers: Record<string, string> = {};
    let bearer: Record<string, string> = {};
    const wrong = { current_password: 'wrong', new_password: 'another phrase that is long' };
    const acts = [
      async () => {
        const login = await post('login', '/api/v1/login', { username, password: PASSWORD, audience: instance.url });
        if (login.status === 200) {
          const { access_token } = JSON.parse(login.body) as { access_token: string };
          [headers, bearer] = [{ cookie: login.cookie }, { authorization: `Bearer ${access_token}` }];
        }
        return login;
      },
      () => ask('session', '/api/v1/session', { headers }),
      () => post('has_perm', '/api/v1/has_perm', { perms: ['auth.add_user'] }, bearer),
      () => post('token', '/api/v1/token', { audience: instance.url }, headers),
      () =>
        post('sign-up', '/api/v1/signup', { username: `made${worker}x${Date.now()}x${made++}`, password: PASSWORD }),
      () => post('wrong login', '/api/v1/login', { username, password: 'wrong' }),
      () => post('password', '/api/v1/account/password', wrong, headers),
      () => ask('sessions', '/api/v1/account/sessions', { headers }),
      () => post('log-out', '/api/v1/logout', {}, headers),
      () => ask('keys', '/.well-known/jwks.json'),
    ];
    for (let i = 0; !isOver; i++) seen.push(await (acts[i % acts.length] as (typeof acts)[0])());
  };
  const all = Promise.all(Array.from({ length: workers }, (_, worker) => run(worker)));
  try {
    await fault();
  } finally {
    isOver = true;
    await all;
  }
  return seen;
}

function judge(t: Test, seen: readonly Seen[]): void {
  const counts: Record<string, number> = {};
  for (const one of seen) counts[one.status] = (counts[one.status] ?? 0) + 1;
  t.comment(`${JSON.stringify(counts)}, slowest ${Math.max(...seen.map((one) => one.milliseconds))} ms`);
  const wrong = seen.filter(
    (one) => !((one.status >= 200 && one.status < 300) || [401, 422, 429, 503].includes(one.status)),
  );
  t.same(wrong.slice(0, 3), [], 'only success, expected refusals and 503');
  t.ok(counts[503], 'it was noticed');
  const mute = seen.filter((one) => one.status === 503 && !(Number(one.retryAfter) >= 1));
  t.same(mute.slice(0, 3), [], 'every 503 says when to come again');
  t.same(
    seen.filter((one) => one.milliseconds > LONGEST_MS).slice(0, 3),
    [],
    `nobody waits longer than ${LONGEST_MS} ms`,
  );
}

/** Asks a probe until it answers so. */
async function until(instance: Instance, path: string, status: number): Promise<void> {
  const { ask } = client(instance.url);
  const end = Date.now() + 30_000;
  for (;;) {
    const one = await ask('probe', path);
    if (one.status === status) return;
    if (Date.now() > end) throw new Error(`${path} is ${one.status}, not ${status}: ${one.body}`);
  }
}

/** Every other answer than 200 at once that the live probe gave while `work` went on. */
async function notLive(instance: Instance, work: () => Promise<void>): Promise<Seen[]> {
  const { ask } = client(instance.url);
  let isOver = false;
  const bad: Seen[] = [];
  const watching = (async () => {
    while (!isOver) {
      const one = await ask('live', '/health/live');
      if (one.status !== 200 || one.milliseconds > 2000) bad.push(one);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await watching;
  }
  return bad;
}

async function worksFully(t: Test, instance: Instance): Promise<void> {
  const { post, ask } = client(instance.url);
  const login = await post('login', '/api/v1/login', { username: 'worker0', password: PASSWORD });
  t.equal(login.status, 200, `a login works again ${login.body}`);
  t.match(JSON.parse((await ask('session', '/api/v1/session', { headers: { cookie: login.cookie } })).body), {
    is_authenticated: true,
  });
}

const skip = noPostgresql();
t.test('PostgreSQL goes away, hangs and is slow, under traffic', { skip }, async (t) => {
  const database: OwnPostgresql = await startPostgresql();
  const environment: Environment = await preparePlace(database.url, {
    SIGNET_DATABASE_POOL: '4',
    SIGNET_HASH_WAIT_MS: '1000',
  });
  const instance = await startInstance(environment);
  t.teardown(async () => {
    await instance.end('SIGKILL');
    await database.remove();
  });
  const { post } = client(instance.url);
  for (let i = 0; i < 8; i++)
    t.equal((await post('', '/api/v1/signup', { username: `worker${i}`, password: PASSWORD })).status, 201);

  /** A fault under traffic: what was seen is judged, and everything works when it is over. */
  async function survives(t: Test, workers: number, fault: () => Promise<void>, end: () => Promise<void>) {
    let seen: Seen[] = [];
    const dark = await notLive(instance, async () => {
      try {
        seen = await traffic(instance, workers, fault);
      } finally {
        await end();
      }
    });
    judge(t, seen);
    t.same(dark, [], 'live is green throughout');
    await until(instance, '/health/ready', 200);
    await worksFully(t, instance);
  }

  for (const mode of ['immediate', 'fast'])
    await t.test(`restarted, -m ${mode}: 503 at most, ready red, live green, recovered by itself`, (t) =>
      survives(
        t,
        8,
        async () => {
          await until(instance, '/health/ready', 200);
          await database.control('-m', mode, 'restart');
          await until(instance, '/health/ready', 200);
          await database.control('-m', mode, 'stop');
          await until(instance, '/health/ready', 503);
          await database.control('start');
          await until(instance, '/health/ready', 200);
          await worksFully(t, instance);
        },
        async () => {},
      ),
    );

  await t.test('a table that another client holds: 503 with Retry-After, and the pool comes back', async (t) => {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    await survives(
      t,
      20,
      async () => {
        await holder.query('begin');
        await holder.query('lock table users_user in access exclusive mode');
        // The pool is full of statements that wait: whoever comes next is told to come again, the probe too.
        await until(instance, '/health/ready', 503);
      },
      () => holder.end(),
    );
  });

  await t.test('a PostgreSQL that hangs: 503 with Retry-After, and it goes on when that does', (t) =>
    survives(
      t,
      8,
      async () => {
        await until(instance, '/health/ready', 200);
        database.signalAll('SIGSTOP');
        await until(instance, '/health/ready', 503);
      },
      async () => database.signalAll('SIGCONT'),
    ),
  );

  t.equal(instance.child.exitCode, null, 'one process served through all of it');
});

const json = { 'content-type': 'application/json' };

/** A request over a kept-alive connection; rejects with the socket's error. */
function send(agent: Agent, url: string, path: string, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request(url + path, { agent, method, headers: body === undefined ? {} : json }, (response) => {
      response.once('error', reject);
      response.resume().once('end', () => resolve(response));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

t.test('SIGTERM drains: what is under way is answered, new connections are refused, exit code 0', async (t) => {
  const LOGINS = 60;
  const ASKING = 180;
  const instance = await startInstance(await preparePlace(undefined, { SIGNET_HASH_WAIT_MS: '60000' }));
  t.teardown(() => instance.child.kill('SIGKILL'));
  const { post } = client(instance.url);
  t.equal((await post('', '/api/v1/signup', { username: 'worker0', password: PASSWORD })).status, 201);
  const agent = new Agent({ keepAlive: true, maxSockets: LOGINS + ASKING });
  t.teardown(() => agent.destroy());
  const login = JSON.stringify({ username: 'worker0', password: PASSWORD });
  // Every connection is taken: what waits in the kernel's queue of new ones is not under way yet.
  await Promise.all(Array.from({ length: LOGINS + ASKING }, () => send(agent, instance.url, '/api/v1/session')));

  // Some have a login under way, which waits for its hash; the others keep asking until they are told to close.
  const answered: (number | undefined)[] = [];
  const dropped: string[] = [];
  const waiting = Array.from({ length: LOGINS }, () =>
    send(agent, instance.url, '/api/v1/login', login).then(
      (response) => answered.push(response.statusCode),
      (error: Error) => dropped.push(`login: ${error.message}`),
    ),
  );
  let asked = 0;
  let told = 0;
  const asking = Array.from({ length: ASKING }, async () => {
    for (;;) {
      try {
        const response = await send(agent, instance.url, '/api/v1/session');
        asked += 1;
        if (response.statusCode !== 200) dropped.push(`session: ${response.statusCode}`);
        if (response.headers.connection !== 'close') continue;
        told += 1;
        return;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code !== 'ECONNREFUSED') dropped.push(`session: ${message}`);
        return;
      }
    }
  });
  while (asked < ASKING || answered.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));

  const wereAnswered = answered.length;
  const ended = instance.end('SIGTERM');
  await Promise.all(asking);
  t.ok(wereAnswered < LOGINS, `${LOGINS - wereAnswered} logins were under way when the signal came`);
  const stranger = new Agent();
  await t.rejects(
    send(stranger, instance.url, '/health/live'),
    { code: 'ECONNREFUSED' },
    'new connections are refused',
  );
  await Promise.all(waiting);
  t.same(dropped, [], 'nobody was dropped');
  t.same(answered, Array(LOGINS).fill(200), 'every login that was under way is answered');
  t.ok(told > 0, `${told} were told to close`);
  t.same(await ended, { code: 0, signal: null });
});
