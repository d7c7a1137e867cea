import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  announceCatalogueChange,
  type CatalogueDocument,
  catalogueHash,
  changeCatalogue,
  createApi,
  createCatalogueCache,
  deleteApi,
  type PermissionSpec,
  updateApi,
} from '../../src/permissions/index.ts';
import { type Database, startChangeFeed } from '../../src/platform/database/index.ts';
import { followChanges } from '../../src/server/jobs.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, ISSUER, testClock } from '../support/server.ts';
import t from '../support/tap.ts';

const specs = (...codenames: string[]): PermissionSpec[] =>
  codenames.map((codename) => ({ app: 'polls', codename, label: `Can ${codename}` }));

/** Counts statements: the rest is the database itself. */
function counted(db: Database) {
  const count = { statements: 0 };
  const query: Database['query'] = (...words) => {
    count.statements += 1;
    return db.query(...words);
  };
  return { count, db: { ...db, fork: () => db.fork(), query } as Database };
}

/** Computes the hash from the document alone, as any verifier can. */
function computeHash(document: CatalogueDocument): string {
  const hash = createHash('sha256');
  for (const { index, name } of document.permissions) hash.update(`${index}\t${name}\n`);
  return hash.digest('base64url');
}

await onEachEngine(t, async (t, db) => {
  const change = (api: { id: string }, names: string[], prune = false) =>
    changeCatalogue(db.fork(), audit(), api, specs(...names), { prune });
  const readDocument = async (audience: string, version?: number) => {
    const known = await createCatalogueCache(db, ISSUER).find(audience, version);
    return JSON.parse(known?.json?.body.toString() ?? 'null') as CatalogueDocument;
  };

  await t.test(
    'docs/catalogue.md: the document has every version with its hash and length, and anybody can make the hash again',
    async (t) => {
      const api = await createApi(db.fork(), audit(), 'document');
      t.same(await readDocument('document'), {
        audience: 'document',
        version: 0,
        hash: catalogueHash([]),
        versions: [{ version: 0, hash: catalogueHash([]), length: 0 }],
        permissions: [],
      });
      await change(api, ['a', 'b']);
      await change(api, ['b', 'c'], true);
      await change(api, ['a', 'b', 'c']);
      const now = await readDocument('document');
      t.same(now.permissions, [
        { index: 0, name: '', label: 'Can a', removed: true },
        { index: 1, name: 'polls.b', label: 'Can b' },
        { index: 2, name: 'polls.c', label: 'Can c' },
        { index: 3, name: 'polls.a', label: 'Can a' },
      ]);
      t.match(now, {
        audience: 'document',
        version: 3,
        versions: [0, 2, 3, 4].map((length, version) => ({ version, length })),
      });
      for (const { version, hash, length } of now.versions) {
        const then = await readDocument('document', version);
        t.same([then.version, then.hash, computeHash(then), then.permissions.length], [version, hash, hash, length]);
        t.same(then.versions, now.versions.slice(0, version + 1), 'as it was');
      }
      const first = await readDocument('document', 1);
      t.same(
        first.permissions.map((one) => one.name),
        ['polls.a', 'polls.b'],
        'what was removed later has its name',
      );
      t.same(await readDocument('document/'), now, 'a trailing slash makes no difference');
      t.equal(await readDocument('document', 4), null, 'a version that never was');
      t.equal(await readDocument('nothing'), null);
      t.equal(await createCatalogueCache(db, ISSUER).find('nothing'), null);
    },
  );

  await t.test(
    'docs/catalogue.md: property: any history of additions and removals gives documents whose hashes hold',
    async (t) => {
      const step = fc.record({
        names: fc.uniqueArray(fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e'), { maxLength: 5 }),
        prune: fc.boolean(),
      });
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
          const audience = `history-${++runs}`;
          const api = await createApi(db.fork(), audit(), audience);
          const live: string[][] = [[]];
          for (const { names, prune } of steps) {
            const { version } = await change(api, names, prune);
            const before = live.at(-1) ?? [];
            const kept = prune ? before.filter((one) => names.includes(one)) : before;
            live[version] = [...kept, ...names.filter((one) => !before.includes(one))];
          }
          const now = await readDocument(audience);
          for (const { version, hash, length } of now.versions) {
            const then = await readDocument(audience, version);
            const names = then.permissions.flatMap(({ name, removed }) =>
              removed ? [] : [name.replace('polls.', '')],
            );
            if (computeHash(then) !== hash || then.permissions.length !== length)
              throw new Error(`version ${version} of ${audience}`);
            if (names.toSorted().join() !== live[version]?.toSorted().join())
              throw new Error(`names at ${version} of ${audience}`);
          }
        }),
        { numRuns: 15 },
      );
      t.equal(runs, 15);
    },
  );

  await t.test(
    'what is ready takes no statement; many who ask at once cause one; what is unknown is not kept',
    async (t) => {
      const api = await createApi(db.fork(), audit(), 'ready');
      await change(api, ['a']);
      await change(api, ['b']);
      const { count, db: watched } = counted(db);
      const known = createCatalogueCache(watched, ISSUER);
      t.equal(known.ready('ready'), undefined);
      const all = await Promise.all(Array.from({ length: 50 }, () => known.find('ready')));
      t.equal(count.statements, 1);
      t.equal(new Set(all.map((one) => one?.json?.etag)).size, 1);
      t.ok(known.ready('ready'), 'ready from then on');
      for (let version = 0; version < 1000; version++) await known.find('ready', version);
      t.equal(count.statements, 1, 'versions, those that never were too, are told from what was read');
      for (const version of [0, 1, 2]) t.ok(known.ready('ready', version)?.json);
      t.equal(known.ready('ready', 3), undefined);
      await known.find('nobody');
      await known.find('nobody');
      t.equal(count.statements, 3, 'one each');
      t.equal(known.ready('nobody'), undefined);
      known.drop();
      t.equal(known.ready('ready'), undefined);
      t.equal(known.ready('ready', 1), undefined);
    },
  );

  await t.test('a result that was read before a change was signalled is not cached after it', async (t) => {
    const api = await createApi(db.fork(), audit(), 'late');
    await change(api, ['a']);
    let go = () => {};
    const waiting = new Promise<void>((resolve) => {
      go = resolve;
    });
    const slow: Database['query'] = async (...words) => {
      const rows = await db.query(...words);
      await waiting;
      return rows as never;
    };
    const known = createCatalogueCache({ ...db, query: slow } as Database, ISSUER);
    const early = known.find('late');
    await change(api, ['a', 'b']);
    known.drop();
    const late = known.find('late');
    go();
    t.match(JSON.parse(String((await early)?.json?.body)), { version: 1 });
    t.match(JSON.parse(String((await late)?.json?.body)), { version: 2 }, 'it reads by itself');
    t.match(JSON.parse(String(known.ready('late')?.json?.body)), { version: 2 });
  });

  await t.test('every process drops its documents when a catalogue, its visibility or its API changes', async (t) => {
    const api = await createApi(db.fork(), audit(), 'heard');
    await change(api, ['a']);
    for (const listens of [true, false]) {
      const catalogues = createCatalogueCache(db, ISSUER);
      const keys = { reload: async () => {} } as never;
      const log = { info: () => {} } as never;
      const onError = (topic: string, error: Error) => t.fail(`${topic}: ${error.message}`);
      const changes = await startChangeFeed(db, { onError, listens });
      followChanges(changes, { db, clock: testClock(), log, keys, catalogues });
      const dropped = async (what: string, act: () => Promise<unknown>) => {
        await catalogues.find('heard');
        // The first poll clears the cache.
        await new Promise((resolve) => setTimeout(resolve, 700));
        await catalogues.find('heard');
        t.ok(catalogues.ready('heard'), `ready before ${what}`);
        await act();
        const until = Date.now() + 5000;
        while (catalogues.ready('heard') && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
        t.equal(catalogues.ready('heard'), undefined, `${what}, ${listens ? 'by notification' : 'by polling'}`);
      };
      await dropped('an addition', () => change(api, ['a', `b${listens}`]));
      await dropped('a new label', () =>
        changeCatalogue(db.fork(), audit(), api, [{ app: 'polls', codename: 'a', label: `May a ${listens}` }]),
      );
      await dropped('another visibility', () => updateApi(db.fork(), audit(), api, { isCataloguePublic: !listens }));
      if (!listens) await dropped('deletion', () => deleteApi(db.fork(), audit(), api, async () => {}));
      await changes.stop();
    }
  });

  await t.test('a change that is rolled back is not announced', async (t) => {
    const readVersion = async () =>
      (
        await db
          .fork()
          .execute<{ version: number }[]>(
            "select version::int as version from platform_signal where topic = 'catalogue'",
          )
      )[0]?.version ?? 0;
    const before = await readVersion();
    await t.rejects(
      db.fork().transactional(async (tx) => {
        await announceCatalogueChange(tx);
        throw new Error('no');
      }),
      /no/,
    );
    t.equal(await readVersion(), before);
    const api = await createApi(db.fork(), audit(), 'quiet');
    await change(api, ['a']);
    t.equal(await readVersion(), before + 1);
    await change(api, ['a']);
    t.equal(await readVersion(), before + 1, 'what changes nothing is not announced either');
  });
});
