import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';
import { answeringTerminal, lastEntry, openCliHarness } from './harness.ts';

const file = (models: string, permissions = '', more = '') =>
  `audience: polls\n${more}apps:\n  polls:\n    models: [${models}]\n    permissions: {${permissions}}\n`;

t.test('api', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);

    await t.test(
      'RFC 9068 §4, RFC 8725 §3.11: who makes tokens of typ JWT hears that the audience is then the only guard',
      async (t) => {
        const file = (typ: string) => `audience: lax\ntoken: {typ: ${typ}}`;
        const said = /\nWarning: Tokens of typ JWT look like ID tokens: only the audience tells them apart/;
        const runs: [string, { file: string }?][] = [
          ['api create lax --typ JWT'],
          ['api update lax --typ JWT'],
          ['api sync f', { file: file('JWT') }],
        ];
        for (const [words, given] of runs) {
          t.match(await cliHarness.run(words, given), { exit: 0, stdout: said }, words);
          if (words !== 'api create lax --typ JWT')
            t.match((await cliHarness.json(words, given)).warnings, [/only the audience/], words);
        }
        for (const [words, given] of [
          ['api update lax --typ at+jwt'],
          ['api sync f', { file: file('at+jwt') }],
        ] as const)
          t.notMatch((await cliHarness.run(words, given)).stdout, 'Warning', words);
        await cliHarness.json('api delete lax --yes');
      },
    );

    await t.test('docs/commands.md: api create and update take the settings of an API', async (t) => {
      const { api } = await cliHarness.json(
        "api create shop --name 'The shop' --typ JWT --alg ES256 --format bitmap --ttl 300 --budget 2048 --over-budget fail --username off --source-id on --catalogue authenticated",
      );
      const settings = {
        audience: 'shop',
        name: 'The shop',
        is_builtin: false,
        typ: 'JWT',
        alg: 'ES256',
        format: 'bitmap',
        ttl_seconds: 300,
        budget_bytes: 2048,
        over_budget: 'fail',
        catalogue: 'authenticated',
        username: false,
        source_id: true,
      };
      t.match(api, settings);
      t.match(await cliHarness.run('api create https://api.example.test/v1/'), {
        exit: 0,
        stdout: /^Created the API https:/,
      });
      const changed = await cliHarness.json('api update shop --typ at+jwt --ttl 900 --username on');
      t.match(changed.api, { ...settings, typ: 'at+jwt', ttl_seconds: 900, username: true });
      t.match(await lastEntry(db), {
        objectKind: 'api',
        before: { typ: 'JWT', ttlSeconds: 300 },
        after: { typ: 'at+jwt', ttlSeconds: 900 },
        actorLabel: 'cli:1000',
      });
      t.match((await cliHarness.json('api list')).apis, [
        { audience: 'signet', is_builtin: true },
        { audience: 'shop' },
        { audience: 'https://api.example.test/v1/' },
      ]);
      t.match((await cliHarness.run('api list')).stdout, /^AUDIENCE +NAME +TYP +TTL +BUDGET +CATALOGUE\nsignet /);
      const shown = await cliHarness.json('api show https://api.example.test/v1');
      t.match(shown, {
        api: { audience: 'https://api.example.test/v1/', ttl_seconds: 600, budget_bytes: 4096 },
        models: [],
        permissions: [],
      });
    });

    await t.test(
      'docs/commands.md: api sync makes the API and registers four permissions for a model, or the list that it names',
      async (t) => {
        const done = await cliHarness.json('api sync polls.yaml', {
          file: file('question, {choice: [view]}', 'publish_poll: Can publish poll', 'name: Polls\n'),
        });
        t.match(done, {
          audience: 'polls',
          created: true,
          version: 1,
          relabelled: [],
          removed: [],
          kept: [],
          holders: [],
        });
        const names = [
          'add_question',
          'change_question',
          'delete_question',
          'view_question',
          'view_choice',
          'publish_poll',
        ].map((one) => `polls.${one}`);
        t.same(done.added, names);
        const shown = await cliHarness.json('api show polls');
        t.match(shown.api, { name: 'Polls', catalogue_version: 1 });
        t.same(shown.catalogue, { version: 1, hash: done.hash });
        t.same(shown.models, [
          { app: 'polls', model: 'choice' },
          { app: 'polls', model: 'question' },
        ]);
        t.same(
          shown.permissions.map((one: { index: number; name: string }) => [one.index, one.name]),
          names.map((name, i) => [i, name]),
        );
        const { stdout } = await cliHarness.run('api show polls');
        t.match(stdout, /Catalogue +version 1, hash [\w-]{43}\n/);
        t.match(stdout, /\nINDEX +PERMISSION +LABEL\n0 +polls\.add_question +Can add question\n/);
      },
    );

    await t.test('docs/commands.md: api sync again changes nothing; JSON is read as YAML is', async (t) => {
      const before = await cliHarness.counts();
      const json = JSON.stringify({
        audience: 'polls',
        apps: {
          polls: { models: ['question', { choice: ['view'] }], permissions: { publish_poll: 'Can publish poll' } },
        },
      });
      const result = await cliHarness.run('api sync polls.json', { file: json });
      t.match(result, { exit: 0, stdout: 'The catalogue of polls is as the file says (version 1).\n' });
      t.same(await cliHarness.counts(), before);
    });

    await t.test(
      'docs/commands.md: what the file leaves out is kept, unless --prune; then it is said whose permissions end',
      async (t) => {
        for (const name of ['alice', 'bob']) await cliHarness.json(`user create ${name}`);
        await cliHarness.json('group create editors');
        await cliHarness.json('perm grant --user bob --api polls polls.publish_poll polls.view_question');
        await cliHarness.json('perm grant --user alice --api polls polls.publish_poll');
        await cliHarness.json('perm grant --group editors --api polls polls.view_choice');
        const kept = await cliHarness.run('api sync f', { file: file('question') });
        t.match(
          kept.stdout,
          / {2}kept +polls\.view_choice, polls\.publish_poll +\(not in the file; --prune removes them\)\n/,
        );
        const pruned = await cliHarness.json('api sync f --prune --yes', { file: file('question') });
        t.match(pruned, { version: 2, removed: ['polls.publish_poll', 'polls.view_choice'], kept: [] });
        t.same(
          pruned.holders,
          [
            { permission: 'polls.publish_poll', kind: 'user', name: 'bob' },
            { permission: 'polls.publish_poll', kind: 'user', name: 'alice' },
            { permission: 'polls.view_choice', kind: 'group', name: 'editors' },
          ].sort((a, b) => (a.permission + a.name < b.permission + b.name ? -1 : 1)),
        );
        t.match((await cliHarness.json('perm list --user bob')).permissions, [{ name: 'polls.view_question' }]);
        t.match(await cliHarness.json('group show editors'), { permissions: [] });
      },
    );

    await t.test('docs/tokens.md: a permission that comes again has a new index', async (t) => {
      await cliHarness.json('api sync f', { file: file('question', 'publish_poll: Can publish poll') });
      const { permissions } = await cliHarness.json('api show polls');
      t.match(permissions.at(-1), { name: 'polls.publish_poll', index: 6 });
    });

    await t.test('docs/commands.md: a new label and a new name are changes too', async (t) => {
      const done = await cliHarness.json('api sync f', {
        file: file('question', 'publish_poll: May publish', 'name: The polls\n'),
      });
      t.match(done, { created: false, relabelled: ['polls.publish_poll'], added: [] });
      t.equal((await cliHarness.json('api show polls')).api.name, 'The polls');
    });

    await t.test(
      'docs/commands.md: --prune says first whose permissions would end, and does nothing without a yes',
      async (t) => {
        const given = { file: file('question') };
        const { client_id: id } = await cliHarness.json('client create reports --preset service --api polls');
        await cliHarness.json(`perm grant --client ${id} --api polls polls.publish_poll`);
        const before = await cliHarness.counts();
        t.match(await cliHarness.run('api sync f --prune', given), { exit: 2, stdout: '', stderr: /--yes/ });
        const no = await cliHarness.run('api sync f --prune', { ...given, terminal: answeringTerminal('poll') });
        t.match(no, { exit: 1, stdout: '', stderr: /Nothing was deleted or changed/ });
        const said = cliHarness.progress.at(-1) ?? '';
        t.match(
          said,
          /^Catalogue of polls: would be version 4\.\n {2}removed {5}polls\.publish_poll\nPermissions would end for 1 holder:\n/,
        );
        t.match(said, `  polls.publish_poll  client ${id}\n`);
        t.match(said, /never comes back/);
        t.same(await cliHarness.counts(), before);
        const { version } = (await cliHarness.json('api show polls')).catalogue;
        t.equal(version, 3, 'as it was');
        const terminal = answeringTerminal('polls');
        t.match(await cliHarness.run('api sync f --prune', { ...given, terminal }), {
          exit: 0,
          stdout: /^Catalogue of polls: version 4\./,
        });
        t.same(terminal.prompts, ['Type polls to continue: ']);
        const fresh = { file: 'audience: fresh\napps: {a: {models: [b]}}', terminal: answeringTerminal('no') };
        await cliHarness.run('api sync f --prune', fresh);
        t.match(cliHarness.progress.at(-1), /^Would create the API fresh\.\n/);
        t.match(await cliHarness.run('api show fresh'), { exit: 3 }, 'nor is an API made');
      },
    );

    await t.test(
      'docs/commands.md: the file may hold the settings of tokens and the visibility of the catalogue',
      async (t) => {
        const settings = (token: object, catalogue: string) => ({
          file: JSON.stringify({ audience: 'settled', token, catalogue, apps: { a: { models: ['b'] } } }),
        });
        const all = {
          typ: 'JWT',
          alg: 'ES256',
          format: 'bitmap',
          ttl_seconds: 60,
          budget_bytes: 1024,
          over_budget: 'fail',
          username: false,
          source_id: 'on',
        };
        await cliHarness.json('api sync f', settings(all, 'authenticated'));
        t.match((await cliHarness.json('api show settled')).api, {
          ...all,
          source_id: true,
          catalogue: 'authenticated',
          name: 'settled',
        });
        await cliHarness.json('user create zoe');
        t.match(
          await cliHarness.run('token issue --user zoe --api settled'),
          { exit: 0 },
          'a key of that algorithm is there',
        );
        await cliHarness.json('api sync f', settings({ ttl_seconds: 900 }, 'public'));
        const { api, catalogue } = await cliHarness.json('api show settled');
        t.match(api, { ...all, ttl_seconds: 900, source_id: true, catalogue: 'public' }, 'what is not named stays');
        t.equal(catalogue.version, 1);
        t.match(await lastEntry(db), {
          objectKind: 'api',
          before: { ttlSeconds: 60 },
          after: { ttlSeconds: 900, isCataloguePublic: true },
        });
        const before = await cliHarness.counts();
        const refusals: [object, string, RegExp][] = [
          [{ ttl_seconds: 59 }, 'public', /token\.ttl_seconds must be a whole number from 60 to 900\./],
          [{ ttl_seconds: '60' }, 'public', /token\.ttl_seconds must be a whole number/],
          [{ budget_bytes: 9000 }, 'public', /token\.budget_bytes must be a whole number from 1024 to 8192\./],
          [{ typ: 'jwt' }, 'public', /token\.typ must be one of at\+jwt, JWT\./],
          [{ alg: 'HS256' }, 'public', /token\.alg must be one of RS256, ES256, EdDSA\./],
          [{ format: 'none', over_budget: 'cut' }, 'public', /token\.over_budget must be one of bitmap, fail\./],
          [{ format: null }, 'public', /token\.format must be one of list/],
          [{ username: 'yes' }, 'public', /token\.username must be one of on, off/],
          [{ ttl: 60 }, 'public', /token has an unknown field ttl; its fields are typ, alg/],
          [{}, 'private', /catalogue must be one of public, authenticated\./],
        ];
        for (const [token, visibility, text] of refusals)
          t.match(
            await cliHarness.run('api sync f', settings(token, visibility)),
            { exit: 2, stderr: text },
            String(text),
          );
        t.same(await cliHarness.counts(), before);
      },
    );

    await t.test('docs/commands.md: an api command that fails changes nothing and has its own exit code', async (t) => {
      const before = await cliHarness.counts();
      const refusals: [string, number, RegExp, string?][] = [
        ['api create shop', 4, /There is already an API "shop"\. To change it: npx signet api update shop/],
        ['api create https://api.example.test/v1', 4, /already an API/],
        ['api create signet', 4, /Signet's own/],
        ['api create c_abc', 2, /cannot start with "c_".*Choose another/],
        ["api create 'a b'", 2, /is not a valid audience\. Use a short name/],
        ['api create new --ttl 30', 2, /--ttl takes 60 to 900 seconds/],
        ['api create new --ttl soon', 2, /whole number/],
        ['api create new --budget 9000', 2, /--budget takes 1024 to 8192 bytes/],
        ['api create new --typ jwt', 2, /--typ takes at\+jwt or JWT/],
        ['api create new --username yes', 2, /--username takes on or off/],
        ['api create new --alg HS256', 2, /--alg takes RS256 or ES256 or EdDSA/],
        ['api create new --format bits', 2, /--format takes list or bitmap or scope or none/],
        ['api create new --over-budget shorten', 2, /--over-budget takes bitmap or fail/],
        ['api create new --catalogue hidden', 2, /--catalogue takes public or authenticated/],
        ['api update shop', 2, /Say what to change/],
        ['api update shpo --ttl 60', 3, /Did you mean "shop"\?/],
        ['api show shpo', 3, /Did you mean "shop"\?/],
        ['api delete shop', 2, /--yes/],
        ['api sync f', 2, /audience is missing/, 'apps: {}'],
        ['api sync f', 2, /neither YAML nor JSON/, '{'],
        [
          'api sync f',
          2,
          /apps\.polls has an unknown field model; its fields are models, permissions/,
          'audience: polls\napps: {polls: {model: [x]}}',
        ],
        ['api sync f --prune', 2, /has an invalid name/, 'audience: polls\napps: {polls: {models: [Question]}}'],
        ['api sync f --prune --yes', 4, /Signet's own API/, 'audience: signet\napps: {}'],
        ['api sync f', 2, /is not a valid audience/, 'audience: "two words"\napps: {}'],
      ];
      for (const [words, exit, text, given] of refusals) {
        const result = await cliHarness.run(words, given === undefined ? {} : { file: given });
        t.match(result, { exit, stdout: '', stderr: text }, words);
      }
      t.same(await cliHarness.counts(), before);
    });
  }),
);
