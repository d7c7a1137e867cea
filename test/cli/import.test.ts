import { createContext } from '../../src/cli/context.ts';
import { execute } from '../../src/cli/execute.ts';
import { systemClock } from '../../src/platform/time.ts';
import { onEachEngine } from '../support/database.ts';
import { djangoDump } from '../support/server.ts';
import t from '../support/tap.ts';
import { databaseCommand, openCliHarness } from './harness.ts';

t.test('import django', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    const file = djangoDump();

    await t.test('docs/commands.md: --dry-run says what an import would do, and does nothing', async (t) => {
      const before = await cliHarness.counts();
      const report = await cliHarness.json('import django dump.json --api polls-site --dry-run', { file });
      t.match(report, {
        import_id: null,
        dry_run: true,
        api: 'polls-site',
        api_created: true,
        users: { read: 60, created: 60 },
        permissions: { read: 61 },
      });
      t.match(
        (await cliHarness.run('import django dump.json --api polls-site --dry-run', { file })).stdout,
        /^Dry run: nothing was written\./,
      );
      t.same(await cliHarness.counts(), before);
    });

    await t.test(
      'docs/commands.md: an import command that fails changes nothing and has its own exit code',
      async (t) => {
        const before = await cliHarness.counts();
        const refusals: [string, number, RegExp, string?][] = [
          ['import django dump.json', 2, /--api is missing/],
          ['import django dump.json --api signet', 2, /Signet's own API/],
          ['import django dump.json --api polls-site --existing replace', 2, /--existing takes fail or skip or update/],
          ['import django dump.json --api polls-site --superusers all', 2, /--superusers takes api or global/],
          ['import django dump.json --api polls-site --user-model user', 2, /APP\.MODEL/],
          ['import django dump.json --api polls-site', 2, /./, 'not JSON'],
          ['import django', 2, /Usage: npx signet import django FILE/],
        ];
        for (const [words, exit, text, given] of refusals) {
          const result = await cliHarness.run(words, { file: given ?? file });
          t.match(result, { exit, stdout: '', stderr: text }, words);
        }
        t.same(await cliHarness.counts(), before);
      },
    );

    await t.test('docs/commands.md: import django imports a dumpdata file, and again changes nothing', async (t) => {
      const report = await cliHarness.json('import django dump.json --api polls-site', { file });
      t.match(report, {
        import_id: /^[0-9a-f-]{36}$/,
        dry_run: false,
        users: { created: 60 },
        passwords: { by_algorithm: { pbkdf2_sha256: Number } },
      });
      const before = await cliHarness.counts();
      const again = await cliHarness.json('import django dump.json --api polls-site', { file });
      t.match(again, { import_id: null, users: { created: 0, known: 60 } });
      t.same(await cliHarness.counts(), before);
      const { stdout } = await cliHarness.run('import django dump.json --api polls-site', { file });
      const hashes = await cliHarness.hashes();
      t.notOk(
        hashes.some((hash) => (stdout + JSON.stringify(report)).includes(hash)),
        'no hash is printed',
      );
      t.same(cliHarness.progress, [], 'what is done within two seconds tells no progress');
    });

    await t.test(
      'docs/commands.md: names that Signet has from elsewhere are a conflict (exit 4) with the report',
      async (t) => {
        const before = await cliHarness.counts();
        const { error } = await cliHarness.json('import django dump.json --api other-site', { file }, 4);
        t.match(error, {
          kind: 'conflict',
          message: /Nothing was imported/,
          report: { import_id: null, api: 'other-site', users: { created: 0 } },
        });
        t.ok(error.report.conflicts.length >= 60);
        t.same(await cliHarness.counts(), before);
        t.match(await cliHarness.json('import django dump.json --api other-site --existing skip --dry-run', { file }), {
          users: { skipped: Number },
        });
      },
    );

    await t.test(
      'docs/commands.md: a dry run of what would be refused has the exit code of the refusal, and still the whole report',
      async (t) => {
        const before = await cliHarness.counts();
        const { error } = await cliHarness.json('import django dump.json --api other-site', { file }, 4);
        const dry = await cliHarness.json('import django dump.json --api other-site --dry-run', { file }, 4);
        t.same({ ...dry, dry_run: false }, error.report);
        t.match(await cliHarness.run('import django dump.json --api other-site --dry-run', { file }), {
          exit: 4,
          stdout: /^Dry run: nothing was written\..*Conflicts: nothing can be imported.*--existing skip/s,
          stderr: '',
        });
        t.same(await cliHarness.counts(), before);
      },
    );

    await t.test(
      'docs/commands.md: an import that takes longer than two seconds tells how far it is, twice a second at the most',
      async (t) => {
        const lines: [number, string][] = [];
        let milliseconds = 0;
        const now = () => {
          milliseconds += 400;
          return new Date(milliseconds);
        };
        const context = createContext(cliHarness.config, db, '1000', (line) => void lines.push([milliseconds, line]));
        const input = {
          positionals: ['f'],
          options: { api: 'third-site', 'dry-run': true, existing: 'skip' },
          stdin: null,
          file: { name: 'f', text: copies(file) },
        };
        const result = await execute(
          databaseCommand('import django'),
          { ...context, clock: { ...systemClock, now } },
          input,
          true,
        );
        t.equal(result.exit, 0, result.stderr);
        t.ok(lines.length > 1);
        t.match(lines[0]?.[1], /^import: \w+/);
        for (const [i, [at]] of lines.entries()) t.ok(at - (lines[i - 1]?.[0] ?? 0) >= (i === 0 ? 2000 : 500));
      },
    );
  }),
);

/** The dump with thousands of users, so that it is read in many turns. */
function copies(dump: string): string {
  const records = JSON.parse(dump) as { model: string; fields: Record<string, unknown> }[];
  const first = records.find((one) => one.model === 'auth.user');
  const users = Array.from({ length: 4000 }, (_, i) => ({
    ...first,
    pk: 10_000 + i,
    fields: { ...first?.fields, username: `copy${i}` },
  }));
  return JSON.stringify([...records.filter((one) => one.model !== 'auth.user'), ...users]);
}
