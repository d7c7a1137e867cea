import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../src/cli/run.ts';
import { openEmbedded } from '../../src/platform/database/embedded.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { lockFolder } from '../../src/platform/folder-lock.ts';
import { model } from '../../src/server/model.ts';
import { userRow } from '../imports/django/dumps.ts';
import { createTestPostgresql, postgresqlUrl } from '../support/database.ts';
import { type Environment, type Instance, preparePlace, startInstance } from './instance.ts';

// kill -9 of the server (and of whoever types commands) at a random moment of concurrent work, again and again on the same
// data. What was acknowledged must be there, once; what was not acknowledged must be there whole or not at all.

export type Engine = 'embedded' | 'postgresql';

/** Numbers that a seed repeats; what meets what is still up to the machine. */
export function random(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, chance: (p: number) => next() < p, one: <T>(of: readonly T[]) => of[below(of.length)] };
}
type Random = ReturnType<typeof random>;

const PASSWORD = 'a phrase that is long enough';
const IMPORTED = 150;

/** What an act came to: `lost` = nobody answered, so that it happened whole or not at all. */
interface Answer {
  readonly status: number | 'lost';
  readonly body: string;
  readonly cookie: string | null;
}

/** What is known of a cookie after everything acknowledged so far. */
type Cookies = Map<string, 'live' | 'dead' | 'unknown'>;

class Acts {
  /** Acknowledged so far in this round. */
  count = 0;
  isOver = false;
  readonly #after: { count: number; done: () => void }[] = [];
  readonly url: string;
  constructor(url: string) {
    this.url = url;
  }

  async send(method: string, path: string, body?: object, cookie?: string): Promise<Answer> {
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(cookie ? { cookie: `signet_session=${cookie}` } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(30_000),
      });
      const text = await response.text();
      const set = /^signet_session=([\w-]{43});/.exec(response.headers.getSetCookie()[0] ?? '');
      this.acknowledge();
      if (response.status >= 500) throw new Unexpected(`${method} ${path} answered ${response.status}: ${text}`);
      return { status: response.status, body: text, cookie: set?.[1] ?? null };
    } catch (error) {
      if (error instanceof Unexpected) throw error;
      return { status: 'lost', body: '', cookie: null };
    }
  }

  acknowledge(): void {
    this.count += 1;
    for (const one of this.#after) if (this.count >= one.count) one.done();
  }

  reached(count: number): Promise<void> {
    return new Promise((done) => this.#after.push({ count, done }));
  }
}

class Unexpected extends Error {}

function demand(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Unexpected(what);
}

const logIn = (acts: Acts, username: string, password: string, cookie?: string) =>
  acts.send('POST', '/api/v1/login', { username, password }, cookie);

async function isLive(acts: Acts, cookie: string): Promise<boolean> {
  const { body } = await acts.send('GET', '/api/v1/session', undefined, cookie);
  return (JSON.parse(body) as { is_authenticated: boolean }).is_authenticated;
}

/** A process that types commands: over the control socket on the embedded engine, at the database itself on PostgreSQL. */
class Operator {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (exit: number | 'lost', stdout: string) => void>();
  /** What its commands are part of: a check, then the work of the next round. */
  acts: Acts | null = null;
  #last = 0;

  constructor(environment: Environment) {
    // By argument, because the harness takes DATABASE_URL out of every environment that it is loaded in.
    this.#child = fork(import.meta.filename, ['operator', JSON.stringify(environment)], {
      env: { PATH: process.env['PATH'] ?? '' },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#child.on('message', ({ id, exit, stdout }: { id: number; exit: number; stdout: string }) => {
      this.acts?.acknowledge();
      this.#waiting.get(id)?.(exit, stdout);
    });
    this.#child.once('exit', () => {
      for (const answer of this.#waiting.values()) answer('lost', '');
    });
  }

  /** True = done, false = refused, 'lost' = nobody knows. */
  async type(...words: string[]): Promise<boolean | 'lost'> {
    const { exit } = await this.ask(...words);
    return exit === 'lost' ? exit : exit === 0;
  }

  ask(...words: string[]): Promise<{ exit: number | 'lost'; stdout: string }> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, (exit, stdout) => {
        this.#waiting.delete(id);
        // The server that carried it out was killed under it: exit 5, "stopped before it answered".
        resolve({ exit: exit === 5 || this.acts?.isOver ? 'lost' : exit, stdout });
      });
      if (!this.#child.connected) this.#waiting.get(id)?.('lost', '');
      else this.#child.send({ id, words }, (error) => error && this.#waiting.get(id)?.('lost', ''));
    });
  }

  async json<T>(...words: string[]): Promise<T> {
    const { exit, stdout } = await this.ask(...words, '--json');
    demand(exit === 0, `signet ${words.join(' ')} ended with ${exit}`);
    return JSON.parse(stdout) as T;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** One kind of work: what it does until the end, and what must be true after it. */
interface Actor {
  act(acts: Acts, operator: Operator, round: number): Promise<void>;
  check(acts: Acts, operator: Operator, round: number): Promise<void>;
}

/** Signs up names, each twice at once in two spellings. */
function newcomers(): Actor {
  let tried: { name: string; acknowledged: number; answered: number }[] = [];
  return {
    async act(acts, _operator, round) {
      tried = [];
      for (let i = 0; !acts.isOver; i++) {
        const one = { name: `new${round}x${i}`, acknowledged: 0, answered: 0 };
        tried.push(one);
        await Promise.all(
          [one.name, one.name.toUpperCase()].map(async (username) => {
            const { status } = await acts.send('POST', '/api/v1/signup', { username, password: PASSWORD });
            if (status === 201) one.acknowledged += 1;
            if (status !== 'lost') one.answered += 1;
          }),
        );
      }
    },
    async check(acts) {
      for (const { name, acknowledged, answered } of tried) {
        demand(acknowledged <= 1, `${name} was acknowledged twice`);
        demand(answered < 2 || acknowledged === 1, `${name} was refused to both`);
        const { status } = await logIn(acts, name, PASSWORD);
        demand(status === 200 || status === 401, `${name}: ${status}`);
        if (acknowledged === 1) demand(status === 200, `the sign-up of ${name} was acknowledged and is lost`);
        // Not acknowledged: it is there whole (it logged in), or its name is free.
        if (status !== 401) continue;
        const again = await acts.send('POST', '/api/v1/signup', { username: name, password: PASSWORD });
        demand(again.status === 201, `${name} is half there: ${again.body}`);
      }
    },
  };
}

/** Logs in, in place of an older session or beside it, logs out, ends the other sessions. */
function visitor(name: string, rng: Random): Actor {
  const cookies: Cookies = new Map();
  /** Logins that nobody answered: each may have left a session whose cookie nobody has. */
  let lostLogins = 0;
  const pick = () => rng.one([...cookies].filter(([, state]) => state === 'live').map(([cookie]) => cookie));
  const settle = (cookie: string, answer: Answer, done: number) => {
    cookies.set(cookie, answer.status === done ? 'dead' : answer.status === 'lost' ? 'unknown' : 'live');
  };
  return {
    async act(acts) {
      while (!acts.isOver) {
        const cookie = pick();
        const what = rng.below(10);
        if (cookie !== undefined && what < 3)
          settle(cookie, await acts.send('POST', '/api/v1/logout', {}, cookie), 204);
        else if (cookie !== undefined && what < 4) {
          const others = [...cookies.keys()].filter((one) => one !== cookie && cookies.get(one) !== 'dead');
          const answer = await acts.send('DELETE', '/api/v1/account/sessions', undefined, cookie);
          for (const one of others) settle(one, answer, 200);
          if (answer.status === 200) lostLogins = 0;
        } else {
          const presented = what < 6 ? cookie : undefined;
          const answer = await logIn(acts, name, PASSWORD, presented);
          if (answer.status === 'lost') lostLogins += 1;
          else demand(answer.status === 200 && answer.cookie !== null, `${name} logs in: ${answer.status}`);
          if (answer.cookie !== null) cookies.set(answer.cookie, 'live');
          if (presented !== undefined) settle(presented, answer, 200);
        }
      }
    },
    async check(acts) {
      for (const [cookie, state] of cookies) {
        const now = (await isLive(acts, cookie)) ? 'live' : 'dead';
        if (state === 'live') demand(now === 'live', `a session of ${name} was acknowledged and is lost`);
        if (state === 'dead') demand(now === 'dead', `an ended session of ${name} lives again`);
        cookies.set(cookie, now);
      }
      const live = [...cookies].filter(([, state]) => state === 'live').length;
      const cookie = pick();
      if (cookie === undefined) return;
      const { body } = await acts.send('GET', '/api/v1/account/sessions', undefined, cookie);
      const listed = (JSON.parse(body) as { sessions: unknown[] }).sessions.length;
      demand(
        listed >= live && listed <= live + lostLogins,
        `${name} has ${listed} sessions: ${live} are known, ${lostLogins} logins were not answered`,
      );
      // The dead are asked for some rounds more, then forgotten, so that a hundred rounds stay quick.
      for (const [old, state] of [...cookies].slice(0, -60)) if (state === 'dead') cookies.delete(old);
    },
  };
}

/** Changes its password again and again, with a session on the side that each change must end. */
function changer(name: string): Actor {
  const phrase = (n: number) => (n === 0 ? PASSWORD : `the phrase of number ${n} by night`);
  let [current, wanted] = [0, 0];
  let here: string | null = null;
  let aside: string | null = null;
  const dead: string[] = [];
  return {
    async act(acts) {
      while (!acts.isOver) {
        here ??= (await logIn(acts, name, phrase(current))).cookie;
        aside ??= (await logIn(acts, name, phrase(current))).cookie;
        if (here === null || aside === null) continue;
        wanted = current + 1;
        const passwords = {
          current_password: phrase(current),
          new_password: phrase(wanted),
        };
        const answer = await acts.send('POST', '/api/v1/account/password', passwords, here);
        if (answer.status === 'lost') return;
        demand(answer.status === 200, `${name} changes the password: ${answer.status} ${answer.body}`);
        dead.push(here, aside);
        [here, aside, current] = [answer.cookie, null, wanted];
      }
    },
    async check(acts) {
      const works = async (n: number) => (await logIn(acts, name, phrase(n))).status === 200;
      const isLost = wanted !== current;
      const [old, fresh] = [await works(current), isLost && (await works(wanted))];
      demand(old !== fresh, `${name}: ${old ? 'both passwords work' : 'no password works'} (${current}, ${wanted})`);
      if (fresh) {
        // The change came through although nobody was told: then its sessions are over, and its cookie is nobody's.
        for (const one of [here, aside]) if (one !== null) dead.push(one);
        [here, aside] = [null, null];
      }
      current = fresh ? wanted : current;
      wanted = current;
      if (current > 0) demand(!(await works(current - 1)), `${name}: the password before is alive`);
      for (const cookie of [here, aside])
        if (cookie !== null) demand(await isLive(acts, cookie), `a session of ${name} is lost`);
      for (const cookie of dead) demand(!(await isLive(acts, cookie)), `a session of ${name} outlived its password`);
      dead.splice(0, dead.length - 20);
    },
  };
}

type State = Map<string, boolean>;

/** Something with two states that commands move many at a time: all of them or none. */
class Switches {
  readonly state: State = new Map();
  #pending: { keys: string[]; to: boolean } | null = null;

  async move(keys: string[], to: boolean, command: () => Promise<boolean | 'lost'>): Promise<void> {
    const done = await command();
    if (done === 'lost') this.#pending = { keys: keys.filter((key) => (this.state.get(key) ?? false) !== to), to };
    else demand(done, `a command was refused: ${keys} to ${to}`);
    if (done === true) for (const key of keys) this.state.set(key, to);
  }

  check(now: ReadonlySet<string>, what: string): void {
    const { keys, to } = this.#pending ?? { keys: [], to: false };
    const moved = keys.filter((key) => now.has(key) === to).length;
    demand(moved === 0 || moved === keys.length, `${what}: half a change is there: ${keys}`);
    if (moved > 0) for (const key of keys) this.state.set(key, to);
    this.#pending = null;
    for (const [key, is] of this.state) demand(now.has(key) === is, `${what}: ${key} was ${is ? 'lost' : 'undone'}`);
    for (const key of now) demand(this.state.get(key) === true, `${what}: ${key} came from nowhere`);
  }
}

const MEMBERS = ['member0', 'member1', 'member2', 'member3'];
const PERMISSIONS = ['add', 'change', 'delete', 'view'].map((verb) => `polls.${verb}_choice`);

/** Memberships and permissions, by commands. */
function administrator(kind: 'group' | 'perm', rng: Random): Actor {
  const switches = new Switches();
  return {
    async act(acts, operator) {
      while (!acts.isOver) {
        const to = rng.chance(0.5);
        if (kind === 'group') {
          const who = MEMBERS.filter(() => rng.chance(0.6));
          if (who.length === 0) continue;
          await switches.move(who, to, () => operator.type('group', to ? 'add' : 'remove', 'crowd', ...who));
        } else {
          const names = PERMISSIONS.filter(() => rng.chance(0.6));
          if (names.length === 0) continue;
          const words = ['--user', 'holder', '--api', 'polls', ...names];
          await switches.move(names, to, () => operator.type('perm', to ? 'grant' : 'revoke', ...words));
        }
      }
    },
    async check(_acts, operator) {
      const found =
        kind === 'group'
          ? (await operator.json<{ members: string[] }>('group', 'show', 'crowd')).members
          : (
              await operator.json<{ permissions: { name: string }[] }>('perm', 'list', '--user', 'holder')
            ).permissions.map((one) => one.name);
      const now = new Set(found);
      demand(now.size === found.length, `${kind}: something is there twice: ${found}`);
      switches.check(now, kind);
    },
  };
}

/** Deactivates and activates a user who keeps logging in. */
function suspended(name: string): Actor {
  let isActive: boolean | null = true;
  let cookie: string | null = null;
  const dead: string[] = [];
  return {
    async act(acts, operator) {
      while (!acts.isOver) {
        if (isActive) cookie = (await logIn(acts, name, PASSWORD)).cookie ?? cookie;
        const done = await operator.type('user', isActive ? 'deactivate' : 'activate', name);
        if (done === 'lost') {
          isActive = null;
          return;
        }
        demand(done, `${name} is deactivated`);
        isActive = !isActive;
        if (!isActive && cookie !== null) dead.push(cookie);
        if (!isActive) cookie = null;
      }
    },
    async check(acts) {
      const { status } = await logIn(acts, name, PASSWORD);
      if (isActive !== null) demand((status === 200) === isActive, `${name}: a (de)activation was lost: ${status}`);
      if (isActive === true && cookie !== null) demand(await isLive(acts, cookie), `a session of ${name} is lost`);
      if (status !== 200 && cookie !== null) dead.push(cookie);
      if (status !== 200) cookie = null;
      isActive = status === 200;
      for (const one of dead) demand(!(await isLive(acts, one)), `an ended session of ${name} lives again`);
      dead.splice(0, dead.length - 20);
    },
  };
}

/** Imports a file of its own in every third round. */
function importer(folder: string): Actor {
  let outcome: boolean | 'lost' | null = null;
  const words = (round: number) => ['import', 'django', join(folder, `${round}.json`), '--api', `project${round}`];
  return {
    async act(_acts, operator, round) {
      outcome = null;
      if (round % 3 !== 0) return;
      const rows = Array.from({ length: IMPORTED }, (_, i) => userRow(i + 1, `imported${round}x${i}`));
      writeFileSync(join(folder, `${round}.json`), JSON.stringify(rows));
      outcome = await operator.type(...words(round));
      demand(outcome !== false, `import ${round} was refused`);
    },
    async check(_acts, operator, round) {
      if (outcome === null) return;
      const names = await usersFrom(operator, `imported${round}x`);
      demand(new Set(names).size === names.length, `import ${round}: users are there twice`);
      const isThere = names.length === IMPORTED;
      demand(isThere || names.length === 0, `import ${round}: ${names.length} of ${IMPORTED} users`);
      if (outcome === true) demand(isThere, `import ${round} was acknowledged and is lost`);
      demand((await operator.type(...words(round))) === true, `import ${round} cannot be run again`);
      demand((await usersFrom(operator, `imported${round}x`)).length === IMPORTED, `import ${round}, run again`);
    },
  };
}

/** Every username that begins so, page by page. */
async function usersFrom(operator: Operator, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for (let after = prefix; ; ) {
    const { users } = await operator.json<{ users: { username: string }[] }>('user', 'list', '--after', after);
    const found = users.map((one) => one.username).filter((name) => name.startsWith(prefix));
    names.push(...found);
    if (found.length < 100) return names;
    after = found.at(-1) as string;
  }
}

async function prepareWorld(instance: Instance, operator: Operator): Promise<void> {
  const acts = new Acts(instance.url);
  for (const username of ['visitor0', 'visitor1', 'changer0', 'changer1', 'suspended', 'holder', ...MEMBERS]) {
    const { status } = await acts.send('POST', '/api/v1/signup', { username, password: PASSWORD });
    demand(status === 201, `sign-up of ${username}: ${status}`);
  }
  const catalogue = join(mkdtempSync(join(tmpdir(), 'signet-kill-')), 'polls.yaml');
  writeFileSync(catalogue, 'audience: polls\napps: {polls: {models: [choice]}}\n');
  demand((await operator.type('api', 'sync', catalogue)) === true, 'the catalogue');
  demand((await operator.type('group', 'create', 'crowd')) === true, 'the group');
}

export interface Told {
  readonly round: number;
  readonly acknowledged: number;
  readonly milliseconds: number;
}

/** Runs the rounds on one engine; throws with what is wrong at the first that fails. */
export async function killRounds(
  engine: Engine,
  seed: number,
  rounds: number,
  tell: (round: Told) => void,
): Promise<void> {
  const rng = random(seed);
  const own = engine === 'embedded' ? undefined : await createTestPostgresql({ empty: true });
  const environment = await preparePlace(own?.url);
  const actors = [
    newcomers(),
    visitor('visitor0', rng),
    visitor('visitor1', rng),
    changer('changer0'),
    changer('changer1'),
    administrator('group', rng),
    administrator('perm', rng),
    suspended('suspended'),
    importer(mkdtempSync(join(tmpdir(), 'signet-kill-'))),
  ];
  let operator = new Operator(environment);
  let instance = await startInstance(environment);
  try {
    await prepareWorld(instance, operator);
    for (let round = 0; round < rounds; round++) {
      const began = Date.now();
      const acts = new Acts(instance.url);
      operator.acts = acts;
      const work = Promise.all(actors.map((actor) => actor.act(acts, operator, round)));
      work.catch(() => {});
      // At the very moment of an acknowledgement, for what is told before it is written; or some milliseconds into what comes next.
      await Promise.race([acts.reached(20 + rng.below(60)), work]);
      if (rng.chance(0.4)) await new Promise((resolve) => setTimeout(resolve, rng.below(20)));
      acts.isOver = true;
      const killed = instance.end('SIGKILL');
      operator.kill();
      await killed;
      await work;
      // Anything that is no line of the log, and what the log has as an error.
      const complaints = instance
        .output()
        .split('\n')
        .filter((line) => !/^(\{"level":[1234]0,|$)/.test(line));
      demand(complaints.length === 0, `the server complained:\n${complaints.join('\n')}`);

      operator = new Operator(environment);
      instance = await startInstance(environment);
      const after = new Acts(instance.url);
      await Promise.all(actors.map((actor) => actor.check(after, operator, round)));
      tell({ round, acknowledged: acts.count, milliseconds: Date.now() - began });
    }
    operator.kill();
    await instance.end('SIGTERM');
    await checkBooks(engine, environment);
  } finally {
    operator.kill();
    instance.child.kill('SIGKILL');
    await instance.ended;
    await own?.drop();
  }
}

/** What the tables must say of each other, whatever was killed. */
async function checkBooks(engine: Engine, environment: Environment): Promise<void> {
  const folder = environment['SIGNET_DATA_DIR'] as string;
  const lock = engine === 'embedded' ? await lockFolder(folder) : undefined;
  const db: Database = lock
    ? await openEmbedded({ dataDir: folder }, model)
    : await openPostgresql(environment['DATABASE_URL'] as string, 2, model);
  try {
    for (const [what, text] of Object.entries(books)) {
      const rows = await db.query({ name: `books-${what.replaceAll(' ', '-')}`, text }, []);
      demand(rows.length === 0, `${what}: ${JSON.stringify(rows.slice(0, 5))}`);
    }
  } finally {
    await db.close();
    await lock?.release();
  }
}

/** Each finds what must not be. */
const books: Record<string, string> = {
  'a principal without its user or client': `select id from permissions_principal p where kind = 'user' and not exists (select from users_user u where u.id = p.id)`,
  'a user who was not added exactly once': `select u.username from users_user u where not exists (select from imports_record i where i.local_id = u.id)
    and (select count(*) from audit_entry e where e.action = 'add' and e.object_kind = 'user' and e.object_id = u.id::text) <> 1`,
  'an addition without its user': `select object_label from audit_entry e where action = 'add' and object_kind = 'user'
    and not exists (select from users_user u where u.id::text = e.object_id)`,
  'a password epoch that events do not explain': `select u.username, u.password_epoch from users_user u where u.password_epoch <> 1 +
    (select count(*) from audit_event e where e.kind = 'password_changed' and e.user_id = u.id)`,
  'a session without the event that began it': `select s.id from sessions_session s join users_user u on u.id = s.user_id where u.username not like 'changer%'
    and (select count(*) from audit_event e where e.kind = 'login' and e.detail->>'sid' = s.id::text) <> 1`,
  'a login event without its session': `select id from audit_event e where kind = 'login' and not exists (select from sessions_session s where s.id::text = e.detail->>'sid')`,
  'a live session of an inactive user': `select s.id from sessions_session s join users_user u on u.id = s.user_id where s.ended_at is null and not u.is_active`,
  'a membership that the edit log does not explain': `select u.username from users_user u where exists (select from permissions_group_member m where m.principal_id = u.id) <>
    coalesce((select e.after is not null and e.after->'members' ? u.username from audit_entry e where e.object_kind = 'group' and e.action = 'change'
      and (e.after->'members' ? u.username or e.before->'members' ? u.username) order by e.id desc limit 1), false)`,
  'staged rows of an import that is over': 'select import_id from imports_staged_row limit 1',
};

if (import.meta.main && process.argv[2] === 'operator') {
  const environment = JSON.parse(process.argv[3] as string) as Environment;
  process.on('message', async ({ id, words }: { id: number; words: string[] }) => {
    const { exit, stdout } = await runCommand(
      words,
      environment,
      () => {},
      () => {},
    );
    process.send?.({ id, exit, stdout });
  });
  process.once('disconnect', () => process.exit());
} else if (import.meta.main) {
  // npm run faults [-- ROUNDS]; FAULTS_SEED repeats a run.
  const rounds = Number(process.argv[2] ?? 100);
  const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000_000);
  process.stdout.write(`FAULTS_SEED=${seed}\n`);
  const engines: Engine[] = postgresqlUrl === undefined ? ['embedded'] : ['embedded', 'postgresql'];
  if (postgresqlUrl === undefined) process.stdout.write('DATABASE_URL is not set: the embedded engine alone\n');
  for (const engine of engines)
    await killRounds(engine, seed, rounds, ({ round, acknowledged, milliseconds }) =>
      process.stdout.write(`${engine} ${round + 1}/${rounds}: ${acknowledged} acknowledged, ${milliseconds} ms\n`),
    );
}
