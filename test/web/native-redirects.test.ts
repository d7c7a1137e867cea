import type { Preset } from '../../src/oauth/client-settings/index.ts';
import type { NewClient } from '../../src/oauth/index.ts';
import { responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

const CURSOR = 'cursor://anysphere.cursor-retrieval/oauth/callback';
const rules = { httpsOnly: true, schemes: ['cursor', 'vscode'] };

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  let made = 0;
  const create = async (preset: Preset, redirectUris: string[], more: Partial<NewClient> = {}) => {
    return s.client(`App ${++made}`, { preset, redirectUris, redirectRules: rules, requests: [s.polls], ...more });
  };

  await t.test(
    'docs/clients.md, RFC 8252 §7.1, RFC 3986 §3.1: SIGNET_REDIRECT_SCHEMES admits schemes for programs, as they are written, and no other',
    async (t) => {
      for (const preset of ['native', 'mcp'] as const)
        for (const uri of [CURSOR, 'vscode://dev.example/cb', 'vscode:/cb', 'http://127.0.0.1/cb'])
          t.ok(await create(preset, [uri]), `${preset} ${uri}`);
      const code = 'client_redirect_uri_invalid';
      for (const uri of [
        'code:/cb',
        'CURSOR://cb',
        'cursor',
        'cursor:/cb#',
        'cursor://ä',
        'cursor2:/cb',
        ' cursor:/cb',
      ])
        await t.rejects(create('native', [uri]), { code, params: { uri } }, uri);
      for (const preset of ['web', 'spa', 'device'] as const)
        await t.rejects(create(preset, [CURSOR]), { code }, preset);
      await t.rejects(create('native', [CURSOR], { redirectRules: { ...rules, schemes: [] } }), { code });
    },
  );

  await t.test('RFC 8252 §8.5, docs/clients.md: a client behind such a scheme is public, with PKCE', async (t) => {
    await t.rejects(create('native', [CALLBACK, CURSOR], { authMethod: 'client_secret' }), {
      code: 'client_must_be_public',
      params: { uri: CURSOR },
    });
    await t.rejects(create('native', [CURSOR], { settings: { pkce: 'off' } }), { code: 'client_pkce_required' });
    const alice = await s.signedInBrowser();
    const app = await create('native', [CURSOR]);
    const plain = { redirect_uri: CURSOR, code_challenge: undefined, code_challenge_method: undefined };
    t.match(await s.answer(alice, app, plain), { error: 'invalid_request' });
  });

  await t.test(
    'RFC 8252 §8.6: where any program can take the address, each time is asked, of first-party clients too',
    async (t) => {
      const alice = await s.signedInBrowser();
      const loopback = 'http://127.0.0.1:5000/cb';
      const dotted = 'com.example.app:/cb';
      for (const isFirstParty of [false, true])
        for (const [preset, registered, uri] of [
          ['native', CURSOR, CURSOR],
          ['mcp', CURSOR, CURSOR],
          ['native', 'http://127.0.0.1/cb', loopback],
          ['mcp', 'http://localhost:5000/cb', 'http://localhost:5000/cb'],
          ['native', dotted, dotted],
        ] as const) {
          const said = `${isFirstParty ? 'first-party' : 'third party'} ${preset} ${uri}`;
          const app = await create(preset, [registered], { isFirstParty });
          const at = { redirect_uri: uri };
          for (const time of ['first', 'second']) {
            const page = await s.ask(alice, app, at);
            t.match(page.response.body, /value="allow"/, `${said}: ${time}`);
            const done = responseParameters(await alice.submit(page, { decision: 'allow' }));
            t.match(done, { code: /./, state: 's-1', iss: s.issuer });
          }
          t.match(await s.answer(alice, app, { ...at, prompt: 'none' }), { error: 'interaction_required' }, said);
        }
      const assured = await create('native', [CALLBACK], { isFirstParty: true });
      t.match(await s.answer(alice, assured), { code: /./ }, 'https is of the client alone');
      const page = await s.client('Page in development', {
        ...{ preset: 'spa', isFirstParty: true, requests: [s.polls] },
        redirectUris: ['http://localhost:3000/cb'],
      });
      t.match(
        await s.answer(alice, page, { redirect_uri: 'http://localhost:3000/cb' }),
        { code: /./ },
        'no program of the machine',
      );
    },
  );

  await t.test(
    'OAuth 2.0 Form Post Response Mode §2: no form is posted to a program: the refusal comes by a redirect',
    async (t) => {
      const alice = await s.signedInBrowser();
      for (const uri of [CURSOR, 'com.example.app:/cb']) {
        const app = await create('native', [uri]);
        const { response } = await s.ask(alice, app, { redirect_uri: uri, response_mode: 'form_post' });
        t.equal(response.statusCode, 303);
        t.match(
          response.headers.location,
          new RegExp(`^${uri}\\?error=invalid_request&error_description=response_mode`),
        );
      }
    },
  );
});
