import fc from 'fast-check';
import { describeReport } from '../../../src/cli/commands/import-django-text.ts';
import { toFailure } from '../../../src/cli/messages.ts';
import { DomainError } from '../../../src/platform/errors.ts';
import { openTestEmbedded } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { type Row, runImport, smallProject, userRow } from './dumps.ts';

const db = await openTestEmbedded();
t.teardown(() => db.close());

await t.test('whatever the dump, an import throws nothing but refusals, each with a text', async (t) => {
  const base: Row[] = [
    ...smallProject,
    userRow(1, 'ada', { groups: [1], user_permissions: [1, 2], email: 'ada@x.test' }),
    userRow(2, 'bob'),
  ];
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '\0',
      '\ud800',
      'Ada',
      'ADA',
      'ada@x.test',
      '2022-13-40T00:00:00Z',
      '0000-01-01',
      1e308,
      -1,
      [[[]]],
      { toString: 1 },
      'x'.repeat(5000),
      '__proto__',
    ),
  );
  const mutation = fc.record({
    row: fc.nat(base.length - 1),
    what: fc.constantFrom('field', 'drop', 'pk', 'model', 'twice', 'delete'),
    field: fc.nat(20),
    value: odd,
  });
  const options = fc.record({
    existing: fc.constantFrom('fail', 'skip', 'update'),
    superusers: fc.constantFrom('api', 'global'),
    trustEmails: fc.boolean(),
    dryRun: fc.boolean(),
    allowUnmapped: fc.boolean(),
  } as const);
  let [imports, refusals] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      options,
      fc.nat(9),
      async (mutations, given, api) => {
        const rows = structuredClone(base) as Row[];
        for (const { row, what, field, value } of mutations) {
          const one = rows[row % rows.length];
          if (!one) continue;
          const fields = Object.keys(one.fields);
          if (what === 'field') one.fields[fields[field % fields.length] as string] = value;
          else if (what === 'drop') delete one.fields[fields[field % fields.length] as string];
          else if (what === 'pk') one.pk = value as string;
          else if (what === 'model' && typeof value === 'string') one.model = value;
          else if (what === 'twice') rows.push(structuredClone(one));
          else if (what === 'delete') rows.splice(row % rows.length, 1);
        }
        try {
          const report = await runImport(db, rows, { ...given, audience: `odd-${api}` });
          if (describeReport(report) === '') throw new Error('an empty report');
          for (const kind of ['permissions', 'groups', 'users'] as const) {
            const { read, ...rest } = report[kind];
            if (Object.values(rest).reduce((sum, one) => sum + one, 0) !== read)
              throw new Error(`${kind} do not sum up`);
          }
          imports++;
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          if (/no message for this code/.test(toFailure(error).message)) throw error;
          refusals++;
        }
      },
    ),
    { numRuns: 400 },
  );
  t.comment(`${imports} imported, ${refusals} refused`);
  t.ok(imports > 50 && refusals > 50, 'both happen');
  const deep = `[{"model":"auth.user","pk":1,"fields":{"password":"","username":"deep","x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}]`;
  t.match(await runImport(db, deep, { audience: 'deep', dryRun: true }), {
    unkept: [{ code: 'attribute_not_storable', params: { field: 'x' } }],
  });
});
