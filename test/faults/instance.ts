import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { root } from '../support/database.ts';
import { freePort, freshSettings, signet } from '../support/process.ts';

export type Environment = Record<string, string>;

/** Cheap hashes and throttles out of the way: the faults are the subject. */
const quick: Environment = {
  SIGNET_HOST: '127.0.0.1',
  SIGNET_SIGNUP: 'open',
  SIGNET_LOG_LEVEL: 'info',
  SIGNET_ARGON2_MEMORY: '7168',
  SIGNET_ARGON2_ITERATIONS: '1',
  SIGNET_REFUSAL_MS: '0',
  SIGNET_HASH_QUEUE: '10000',
  SIGNET_THROTTLE_NAME: '100000',
  SIGNET_THROTTLE_NETWORK: '10000000',
  SIGNET_THROTTLE_ACCOUNT: '1000000',
  SIGNET_THROTTLE_AUTHORIZE: '10000000',
  SIGNET_THROTTLE_DEVICE: '10000000',
  SIGNET_THROTTLE_SIGNUP: '10000000',
};

/** Settings of a fresh, migrated production instance; on the embedded engine without a URL. */
export async function preparePlace(databaseUrl: string | undefined, more: Environment = {}): Promise<Environment> {
  const place = await freshSettings();
  const environment = {
    ...quick,
    ...place,
    SIGNET_ISSUER: `http://127.0.0.1:${place.SIGNET_PORT}`,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...more,
  };
  const migrated = await signet(['migrate'], environment);
  if (migrated.code !== 0) throw new Error(migrated.stderr);
  return environment;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Instance {
  readonly url: string;
  readonly child: ChildProcess;
  /** Everything that was printed so far. */
  output(): string;
  /** Sends a signal to the server itself and waits for its end. */
  end(signal: NodeJS.Signals): Promise<Ending>;
  readonly ended: Promise<Ending>;
}

/** Starts the server without its launcher, so that a signal meets the process that holds the data; resolves when it serves. */
export function startInstance(environment: Environment): Promise<Instance> {
  const words = environment['DATABASE_URL'] === undefined ? ['start', '--embedded'] : ['start'];
  const node = ['--disable-warning=ExperimentalWarning', join(root, 'src/main.ts'), ...words];
  const child = spawn(process.execPath, node, {
    env: {
      PATH: process.env['PATH'] ?? '',
      UV_THREADPOOL_SIZE: '8',
      NODE_COMPILE_CACHE: join(root, '.cache/compiled'),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<Ending>((done) => child.once('exit', (code, signal) => done({ code, signal })));
  let text = '';
  return new Promise((resolve, reject) => {
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const take = (chunk: Buffer) => {
      text += chunk.toString();
      if (!/ · listening on /.test(text)) return;
      clearTimeout(tooLong);
      resolve({
        url: `http://127.0.0.1:${environment['SIGNET_PORT']}`,
        child,
        output: () => text,
        end: (signal) => {
          child.kill(signal);
          return ended;
        },
        ended,
      });
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    void ended.then(({ code, signal }) => {
      clearTimeout(tooLong);
      reject(new Error(`the server ended (${code ?? signal}) before it served:\n${text}`));
    });
  });
}

/** A PostgreSQL of one's own, to be stopped, frozen and restarted at will. */
export interface OwnPostgresql {
  readonly url: string;
  /** Its files, and its socket. */
  readonly folder: string;
  readonly port: number;
  control(...words: string[]): Promise<void>;
  /** Stops or continues every process of it, as a machine that hangs would. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Makes it a hot standby, which answers and takes no writes. */
  demote(): Promise<void>;
  remove(): Promise<void>;
}

const BIN = '/usr/lib/postgresql/15/bin';

/** Why there can be no PostgreSQL of one's own here; false when there can. */
export function noPostgresql(): string | false {
  try {
    execFileSync(join(BIN, 'postgres'), ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return `${BIN} holds no PostgreSQL`;
  }
}

/** `withTls`: by TCP it takes TLS and passwords (SCRAM) alone; `postgres` has the password `p@ss word`. */
export async function startPostgresql(options: { withTls?: boolean } = {}): Promise<OwnPostgresql> {
  const isRoot = process.getuid?.() === 0;
  const folder = mkdtempSync(join(tmpdir(), 'signet-faults-pg-'));
  // Without its pipes: the server that pg_ctl leaves behind would hold them open.
  const run = (program: string, words: string[]) =>
    new Promise<void>((resolve, reject) => {
      const own = [join(BIN, program), ...words];
      const [file = '', ...rest] = isRoot ? ['runuser', '-u', 'postgres', '--', ...own] : own;
      const child = spawn(file, rest, { stdio: 'ignore' });
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${own.join(' ')}: ${code}`))));
    });
  if (isRoot) execFileSync('chown', ['postgres', folder]);
  else chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  const port = await freePort();
  await run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync']);
  const settings = `port = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '${folder}'\n`;
  appendFileSync(join(data, 'postgresql.conf'), settings);
  if (options.withTls) {
    const subject = ['-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', join(data, 'server.key'), '-out', join(data, 'server.crt')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ed25519', ...subject, ...files], { stdio: 'ignore' });
    chmodSync(join(data, 'server.key'), 0o600);
    if (isRoot) execFileSync('chown', ['postgres', join(data, 'server.key'), join(data, 'server.crt')]);
    appendFileSync(join(data, 'postgresql.conf'), 'ssl = on\n');
    writeFileSync(join(data, 'pg_hba.conf'), 'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n');
  }
  const control = (...words: string[]) => run('pg_ctl', ['-D', data, '-l', join(folder, 'log'), '-w', ...words]);
  await control('start');
  const processes = () => {
    const head = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0] as string;
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', head], { encoding: 'utf8' });
    return [head, ...children.split('\n')].map(Number).filter((pid) => pid > 0);
  };
  const user = options.withTls ? 'postgres:p%40ss%20word' : 'postgres';
  if (options.withTls) {
    const client = new pg.Client({ host: folder, port, user: 'postgres' });
    await client.connect();
    await client.query(`alter role postgres password 'p@ss word'`);
    await client.end();
  }
  return {
    folder,
    port,
    url: `postgres://${user}@127.0.0.1:${port}/postgres`,
    control,
    demote: async () => {
      await control('stop', '-m', 'fast');
      writeFileSync(join(data, 'standby.signal'), '');
      chmodSync(join(data, 'standby.signal'), 0o666);
      await control('start');
    },
    signalAll: (signal) => {
      for (const pid of processes()) process.kill(pid, signal);
    },
    remove: async () => {
      await control('-m', 'immediate', 'stop').finally(() => rmSync(folder, { recursive: true, force: true }));
    },
  };
}
