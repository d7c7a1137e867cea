import { createHash, randomBytes } from 'node:crypto';
import { existsSync, globSync, mkdirSync, openAsBlob, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Test } from 'tap';
import { openEmbedded } from '../../src/platform/database/embedded.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { model } from '../../src/server/model.ts';

export const root = join(import.meta.dirname, '../..');
export { model };

/** The URL of a PostgreSQL on which the suite may create databases; absent = only the embedded engine. */
export const postgresqlUrl = process.env['DATABASE_URL'];
delete process.env['DATABASE_URL'];

/** Runs a suite on the embedded engine, and on PostgreSQL if DATABASE_URL is set; each time on an empty, migrated database. */
export async function onEachEngine(t: Test, suite: (t: Test, db: Database) => Promise<void>): Promise<void> {
  // Both are queued at once, because a file may ignore the promise.
  const embedded = t.test('on the embedded engine', async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    await suite(t, db);
  });
  const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;
  const postgresql = t.test('on PostgreSQL', { skip }, async (t) => {
    const db = await postgresqlPool.take();
    t.teardown(() => db.close());
    await suite(t, db);
  });
  await Promise.all([embedded, postgresql]);
}

/** Opens an empty, migrated database on the embedded engine. It is emptied and reused after `close`. */
export function openTestEmbedded() {
  return embeddedPool.take();
}

const embeddedPool = createPool(async () => ({ db: await openOwnEmbedded(), end: async () => {} }));
const postgresqlPool = createPool(async () => {
  const { url, drop } = await createTestPostgresql();
  return { db: await openPostgresql(url, 10, model, { pipelines: 2 }), end: drop };
});

/** Opens a separate database, for a test that changes more than rows. */
export async function openOwnEmbedded() {
  return openEmbedded({ template: await openAsBlob(await embeddedTemplate()) }, model);
}

/**
 * A pool of databases that are emptied and reused, because creating one takes most of a second. One whose schema a test has changed, or
 * whose folder it has dumped, is discarded.
 */
function createPool<D extends Database>(make: () => Promise<{ readonly db: D; readonly end: () => Promise<void> }>) {
  const idle: D[] = [];
  const ends: (() => Promise<void>)[] = [];
  return {
    async take(): Promise<D> {
      let db = idle.pop();
      if (db === undefined) {
        const made = await make();
        db = made.db;
        // Only where tests run: programs such as `npm run faults` load this file too, and tap ends those after half a minute.
        if (ends.length === 0)
          (await import('tap')).default.teardown(async () => {
            for (const end of ends) await end();
          });
        ends.push(async () => {
          await made.db.close();
          await made.end();
        });
      }
      const taken = db;
      return { ...taken, close: async () => void ((await isEmptied(taken)) && idle.push(taken)) };
    },
  };
}

/** Returns false if it cannot be reused. */
async function isEmptied(db: Database): Promise<boolean> {
  try {
    const em = db.fork();
    const found = await em.execute<{ name: string; objects: number }[]>(
      `select c.relname as name, (select count(*)::int from pg_trigger where not tgisinternal)
         + (select count(*)::int from pg_proc p where p.pronamespace = c.relnamespace) as objects
       from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname <> 'mikro_orm_migrations'`,
    );
    if (found.length !== model.entities.length || found.some((one) => one.objects > 0)) return false;
    const filled = await em.execute<{ name: string }[]>(
      found.map(({ name }) => `select '${name}' as name where exists (select from "${name}")`).join(' union all '),
    );
    if (filled.length > 0)
      await em.execute(`truncate ${filled.map(({ name }) => `"${name}"`).join(', ')} restart identity cascade`);
    return true;
  } catch {
    return false;
  }
}

/** Creates a database on the server of DATABASE_URL; `empty`: without the schema. */
export async function createTestPostgresql(
  options: { empty?: boolean } = {},
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `signet_test_${randomBytes(6).toString('hex')}`;
  const template = options.empty ? 'template0' : await postgresqlTemplate();
  await onServer(`create database ${name} template ${template}`);
  return { url: databaseUrl(name), drop: () => onServer(`drop database if exists ${name} with (force)`) };
}

/** Identifies the schema: a template of other entities or migrations is not used. */
function schemaDigest(): string {
  const hash = createHash('sha256');
  for (const file of globSync(['src/**/*entities.ts', 'src/migrations/*.ts'], { cwd: root }).sort())
    hash.update(readFileSync(join(root, file)));
  return hash.digest('hex').slice(0, 16);
}

export async function embeddedTemplate(): Promise<string> {
  const path = join(root, '.cache', `template-${schemaDigest()}.tar`);
  if (existsSync(path)) return path;
  const db = await openEmbedded({}, model);
  await db.migrations.apply();
  const dump = Buffer.from(await (await db.dump()).arrayBuffer());
  await db.close();
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, dump);
  renameSync(`${path}.${process.pid}`, path);
  return path;
}

async function postgresqlTemplate(): Promise<string> {
  const name = `signet_template_${schemaDigest()}`;
  const client = await connect();
  try {
    // Test files run as parallel processes: one creates the template, the others wait for it.
    await client.query('select pg_advisory_lock(hashtext($1))', [name]);
    const found = await client.query('select 1 from pg_database where datname = $1 and datistemplate', [name]);
    if (found.rowCount === 0) {
      await client.query(`drop database if exists ${name}`);
      await client.query(`create database ${name} template template0`);
      const db = await openPostgresql(databaseUrl(name), 2, model);
      await db.migrations.apply();
      await db.close();
      await client.query(`alter database ${name} is_template true`);
    }
    return name;
  } finally {
    await client.end();
  }
}

async function onServer(statement: string): Promise<void> {
  const client = await connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgresqlUrl });
  await client.connect();
  return client;
}

function databaseUrl(database: string): string {
  const url = new URL(postgresqlUrl as string);
  url.pathname = `/${database}`;
  return url.href;
}
