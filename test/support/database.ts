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

/** The URL of a PostgreSQL on which the suite may create databases; absent = the embedded engine alone. */
export const postgresqlUrl = process.env['DATABASE_URL'];
delete process.env['DATABASE_URL'];

/** Runs a suite on the embedded engine, and on PostgreSQL when DATABASE_URL names one; each time on an empty, migrated database. */
export async function onEachEngine(t: Test, suite: (t: Test, db: Database) => Promise<void>): Promise<void> {
  // Both are queued at once: a file may leave the promise alone.
  const embedded = t.test('on the embedded engine', async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    await suite(t, db);
  });
  const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;
  const postgresql = t.test('on PostgreSQL', { skip }, async (t) => {
    const { url, drop } = await createTestPostgresql();
    const db = await openPostgresql(url, 10, model, { pipelines: 2 });
    t.teardown(async () => {
      await db.close();
      await drop();
    });
    await suite(t, db);
  });
  await Promise.all([embedded, postgresql]);
}

export async function openTestEmbedded() {
  return openEmbedded({ template: await openAsBlob(await embeddedTemplate()) }, model);
}

/** A fresh database on the server of DATABASE_URL; `empty` without the schema. */
export async function createTestPostgresql(
  options: { empty?: boolean } = {},
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `signet_test_${randomBytes(6).toString('hex')}`;
  const template = options.empty ? 'template0' : await postgresqlTemplate();
  await onServer(`create database ${name} template ${template}`);
  return { url: urlOf(name), drop: () => onServer(`drop database if exists ${name} with (force)`) };
}

/** Names the schema: a template made of other entities or migrations is not used. */
function schemaDigest(): string {
  const hash = createHash('sha256');
  for (const file of globSync(['src/**/*entities.ts', 'src/migrations/*.ts'], { cwd: root }).sort())
    hash.update(readFileSync(join(root, file)));
  return hash.digest('hex').slice(0, 16);
}

export async function embeddedTemplate(): Promise<string> {
  const path = join(root, '.cache', `template-${schemaDigest()}.tgz`);
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
    // Test files run as processes side by side: one makes the template, the others wait for it.
    await client.query('select pg_advisory_lock(hashtext($1))', [name]);
    const found = await client.query('select 1 from pg_database where datname = $1 and datistemplate', [name]);
    if (found.rowCount === 0) {
      await client.query(`drop database if exists ${name}`);
      await client.query(`create database ${name} template template0`);
      const db = await openPostgresql(urlOf(name), 2, model);
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

function urlOf(database: string): string {
  const url = new URL(postgresqlUrl as string);
  url.pathname = `/${database}`;
  return url.href;
}
