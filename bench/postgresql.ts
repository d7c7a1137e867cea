import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { cpuMicros } from './proc.ts';
import { freePort, say, type Workspace } from './workspace.ts';

/** A PostgreSQL on which the bench may create databases. */
export interface Postgresql {
  readonly version: string;
  /** The URL of a fresh, empty database. */
  createDatabase(name: string): Promise<string>;
  /** Processor time of the whole server so far; undefined when its processes are not ours to see. */
  cpuMicros(): number | undefined;
  readonly countsStatements: boolean;
}

/**
 * `BENCH_DATABASE_URL`, or a throw-away server from the installed binaries. Its settings are PostgreSQL's own, durable ones:
 * a commit is on disk before it is answered. `countsStatements` loads pg_stat_statements where it is installed.
 */
export async function openPostgresql(
  workspace: Workspace,
  options: { countsStatements?: boolean } = {},
): Promise<Postgresql> {
  const given = process.env['BENCH_DATABASE_URL'];
  if (given) return describe(given, undefined, false);
  const bin = newestBin();
  const folder = mkdtempSync(join(tmpdir(), 'signet-bench-pg-'));
  workspace.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })));
    chownSync(folder, uid as number, gid as number);
  }
  const asOwner = (program: string, args: string[]) => {
    const [command, words] = isRoot
      ? ['runuser', ['-u', 'postgres', '--', join(bin, program), ...args]]
      : [join(bin, program), args];
    execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  };
  const data = join(folder, 'data');
  const port = await freePort();
  say('starting a PostgreSQL of its own');
  asOwner('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale', 'C']);
  const counts = (options.countsStatements ?? false) && hasStatementCounter(bin);
  const settings = ['listen_addresses=127.0.0.1', 'max_connections=200'];
  if (counts) settings.push('shared_preload_libraries=pg_stat_statements');
  const words = `-p ${port} -k ${folder} ${settings.map((one) => `-c ${one}`).join(' ')}`;
  workspace.atEnd(
    () => existsSync(join(data, 'postmaster.pid')) && asOwner('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']),
  );
  asOwner('pg_ctl', ['-D', data, '-l', join(folder, 'log'), '-w', '-o', words, 'start']);
  const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  return describe(`postgres://postgres@127.0.0.1:${port}/postgres`, pid, counts);
}

async function describe(url: string, pid: number | undefined, countsStatements: boolean): Promise<Postgresql> {
  const [row] = await query(url, `select current_setting('server_version') as version`);
  return {
    version: (row as { version: string }).version,
    countsStatements,
    cpuMicros: () => (pid === undefined ? undefined : cpuMicros(pid)),
    async createDatabase(name) {
      await query(url, `drop database if exists ${name} with (force)`);
      await query(url, `create database ${name} template template0`);
      const created = new URL(url);
      created.pathname = `/${name}`;
      if (countsStatements) await query(created.href, 'create extension if not exists pg_stat_statements');
      return created.href;
    },
  };
}

/** One statement on a connection of its own. */
export async function query(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'signet-bench' });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

function newestBin(): string {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((one) => join(base, one, 'bin')).find((one) => existsSync(join(one, 'initdb')));
  if (!found)
    throw new Error(
      `There is no PostgreSQL in ${base}. Install one (apt-get install postgresql), or set BENCH_DATABASE_URL to a server on which databases may be created.`,
    );
  return found;
}

function hasStatementCounter(bin: string): boolean {
  return existsSync(join(bin, '../lib/pg_stat_statements.so'));
}
