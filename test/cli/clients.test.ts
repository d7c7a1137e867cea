import { generateKeyPairSync } from 'node:crypto';
import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';
import { lastEntry, openCliHarness } from './harness.ts';

const polls = 'audience: polls\napps: {polls: {models: [choice]}}';

t.test('client', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    await cliHarness.json('api sync f', { file: polls });
    await cliHarness.json('api create shop');

    await t.test('docs/commands.md: client create prints client_id and client_secret once', async (t) => {
      const made = await cliHarness.json(
        'client create Worker --preset service --api polls --serves polls --serves shop',
      );
      t.match(made, { client_id: /^c_[\w-]{22}$/, client_secret: /^[\w-]{43}$/, name: 'Worker', preset: 'service' });
      t.match(await lastEntry(db), {
        action: 'add',
        objectKind: 'client',
        objectLabel: `Worker (${made.client_id})`,
        after: { requests: ['polls'], serves: ['polls', 'shop'] },
      });
      t.notMatch(JSON.stringify(await lastEntry(db)), made.client_secret);
      for (const words of ['client list', 'client show Worker', 'client list --json', 'client show Worker --json'])
        t.notMatch((await cliHarness.run(words)).stdout, made.client_secret, `${words} never shows the secret`);
      t.match(await cliHarness.json('client show worker'), {
        client_id: made.client_id,
        is_active: true,
        is_first_party: false,
        auth_method: 'client_secret',
        grant_types: ['client_credentials'],
        requests: ['polls'],
        serves: ['polls', 'shop'],
        secrets: [{ ends_at: null }],
      });
      const open = await cliHarness.run(
        'client create App --preset spa --redirect-uri https://app.example/cb --api polls',
      );
      t.match(open, {
        exit: 0,
        stdout:
          /^client_id {6}c_[\w-]{22}\nA public client: it has no secret\.\nIt has to use PKCE, .*OIDC_USE_PKCE.*docs\/compatibility\.md has more\.\nIt carries nothing .* npx signet client allow c_/,
      });
    });

    await t.test('docs/commands.md: update replaces the lists that are given, and keeps the others', async (t) => {
      t.match(await cliHarness.json('client update Worker --serves shop --first-party on --name Helper'), {
        name: 'Helper',
        is_first_party: true,
        requests: ['polls'],
        serves: ['shop'],
      });
      t.match(await lastEntry(db), {
        before: { name: 'Worker', serves: ['polls', 'shop'] },
        after: { name: 'Helper', serves: ['shop'], isFirstParty: true },
      });
    });

    await t.test('docs/commands.md: rotate-secret, disable, enable, delete', async (t) => {
      const { client_secret: second } = await cliHarness.json('client rotate-secret Helper');
      t.match(second, /^[\w-]{43}$/);
      t.equal((await cliHarness.json('client show Helper')).secrets.length, 2, 'two are good at once');
      await cliHarness.json('client rotate-secret Helper --now');
      t.equal((await cliHarness.json('client show Helper')).secrets.length, 1);
      t.match(await cliHarness.json('client disable Helper'), { is_active: false });
      t.match(await cliHarness.run('token issue --client Helper --api polls'), { exit: 4, stderr: /client enable/ });
      t.match(await cliHarness.json('client enable Helper'), { is_active: true });
      t.match(await cliHarness.run('client rotate-secret App'), { exit: 4, stderr: /public/ });
      t.match(await cliHarness.json('client delete App'), { deleted: true });
      t.match(await cliHarness.run('client show App'), { exit: 3, stderr: /no client "App"/ });
    });

    await t.test(
      'docs/oauth.md, docs/commands.md: every switch of a client by command, shown under its RFC 7591 name',
      async (t) => {
        const { client_id, client_secret } = await cliHarness.json(
          `client create Shop --preset web --redirect-uri https://shop.example/cb --grant token-exchange --pkce off --require-par on --dpop on
         --id-token-alg ES256 --userinfo-alg EdDSA --max-age 600 --refresh-idle 3600 --refresh-ttl 86400
         --post-logout-redirect-uri https://shop.example/bye --backchannel-logout-uri https://shop.example/out
         --client-uri https://shop.example --logo-uri https://shop.example/logo.png --policy-uri https://shop.example/policy --tos-uri https://shop.example/tos
         --assertion-audience issuer_or_token_endpoint --assertion-alg ES256 --refresh-rotation off`.replace(
            /\s+/g,
            ' ',
          ),
        );
        t.match(client_secret, /^[\w-]{43}$/);
        const site = await cliHarness.run('client create Site --preset web --redirect-uri https://site.example/cb');
        t.match(
          site.stdout,
          /It has to use PKCE, .*--code-challenge-method=S256.*--pkce if-sent .*else --pkce off\.\n/,
        );
        for (const words of ['web --pkce if-sent --redirect-uri https://free.example/cb', 'service'])
          t.notMatch(
            (await cliHarness.run(`client create Free-${words.slice(0, 3)} --preset ${words}`)).stdout,
            /PKCE/,
          );
        const told = {
          client_id,
          grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
          pkce: 'off',
          require_pushed_authorization_requests: true,
          dpop_bound_access_tokens: true,
          consent: 'ask',
          id_token_signed_response_alg: 'ES256',
          userinfo_signed_response_alg: 'EdDSA',
          default_max_age: 600,
          refresh_idle_seconds: 3600,
          refresh_ttl_seconds: 86400,
          post_logout_redirect_uris: ['https://shop.example/bye'],
          backchannel_logout_uri: 'https://shop.example/out',
          client_uri: 'https://shop.example',
          logo_uri: 'https://shop.example/logo.png',
          policy_uri: 'https://shop.example/policy',
          tos_uri: 'https://shop.example/tos',
          assertion_audience: 'issuer_or_token_endpoint',
          token_endpoint_auth_signing_alg: 'ES256',
          refresh_rotation: false,
          jwks: null,
          jwks_uri: null,
        };
        t.match(await cliHarness.json('client show Shop'), told);
        t.match(
          (await cliHarness.run('client show Shop')).stdout,
          /PKCE +off: not demanded\n.*Consent +asked\nAlgorithms +ID token ES256, userinfo EdDSA\nPushed requests +demanded.*Assertions by +ES256\n.*Refresh tokens +the same at every use\n/s,
        );
        const algs = (await cliHarness.json('keys list')).keys.map((one: { alg: string }) => one.alg);
        t.same(algs.sort(), ['ES256', 'EdDSA', 'RS256'], 'the keys that it asks for are there at once');
        t.match(
          await cliHarness.json(
            'client update Shop --pkce on --userinfo-alg none --max-age none --refresh-idle none --post-logout-redirect-uri none --backchannel-logout-uri none --logo-uri none --grant code --grant urn:ietf:params:oauth:grant-type:device_code',
          ),
          {
            ...told,
            grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
            pkce: 'on',
            userinfo_signed_response_alg: null,
            default_max_age: null,
            refresh_idle_seconds: null,
            post_logout_redirect_uris: [],
            backchannel_logout_uri: null,
            logo_uri: null,
          },
        );
        t.match(await lastEntry(db), {
          before: { pkce: 'off', userinfoAlg: 'EdDSA' },
          after: { pkce: 'on', userinfoAlg: null },
        });
        t.match(await cliHarness.json('client update Shop --refresh-rotation on --assertion-alg none'), {
          refresh_rotation: true,
          token_endpoint_auth_signing_alg: null,
        });
        t.match(await lastEntry(db), {
          before: { refreshRotation: false, assertionAlg: 'ES256' },
          after: { refreshRotation: true, assertionAlg: null },
        });
        t.match(await cliHarness.run('client update Shop --assertion-alg HS256'), { exit: 2, stderr: /assertion-alg/ });
        t.match(
          await cliHarness.run(
            'client create Page --preset spa --redirect-uri https://p.example/ --refresh-rotation off',
          ),
          {
            exit: 2,
            stderr: /--dpop on/,
          },
        );
        await cliHarness.json('client update Shop --first-party on --consent ask');
        t.match(await cliHarness.json('client update Shop --consent skip'), { consent: 'skip' });
      },
    );

    await t.test(
      'docs/commands.md, RFC 7517: --jwks takes the content of a file, and another way to authenticate its secret',
      async (t) => {
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const file = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one' }] });
        t.match(await cliHarness.run('client update Shop --auth private_key_jwt'), {
          exit: 2,
          stderr: /--jwks FILE or --jwks-uri/,
        });
        const shown = await cliHarness.json('client update Shop --auth private_key_jwt --jwks keys.json', { file });
        t.match(shown, { auth_method: 'private_key_jwt', jwks: { keys: [{ kid: 'one', kty: 'EC' }] } });
        t.same((await cliHarness.json('client show Shop')).secrets, [], 'its secret has ended');
        t.match(
          (await cliHarness.run('client show Shop')).stdout,
          /Keys +1 registered\nAssertions for +issuer or token endpoint/,
        );
        t.match(await cliHarness.json('client update Shop --jwks none --jwks-uri https://shop.example/jwks'), {
          jwks: null,
          jwks_uri: 'https://shop.example/jwks',
        });
        const back = await cliHarness.json('client update Shop --auth client_secret --jwks-uri none');
        t.match(back, { auth_method: 'client_secret', client_secret: /^[\w-]{43}$/ }, 'a new secret, shown this once');
        t.notMatch((await cliHarness.run('client show Shop --json')).stdout, back.client_secret);
        t.match(await cliHarness.run('client update Shop --jwks keys.json', { file: 'no json' }), {
          exit: 2,
          stderr: /is not JSON\. --jwks takes a JWK Set/,
        });
        t.match(await cliHarness.run('client update Shop --jwks /no/such/file'), {
          exit: 3,
          stderr: /cannot be read \(ENOENT\)/,
        });
        const stdin = await cliHarness.json('client update Shop --jwks -', { stdin: file });
        t.match(stdin.jwks, { keys: [{ kid: 'one' }] });
      },
    );

    await t.test(
      'docs/oauth.md, docs/commands.md: client allow and disallow set the boundary; client show tells it',
      async (t) => {
        await cliHarness.json('client create Third --preset spa --redirect-uri https://third.example/cb --api polls');
        t.match(await cliHarness.run('client show Third'), { stdout: /Boundary +\(none\)/ });
        t.match(await cliHarness.json('client allow Third --api polls polls.add_choice polls.view_choice'), {
          audience: 'polls',
          allowed: ['polls.add_choice', 'polls.view_choice'],
          already_allowed: [],
        });
        t.match(await lastEntry(db), {
          objectLabel: /^Third /,
          after: { boundary: ['polls.add_choice', 'polls.view_choice'] },
        });
        t.match(await cliHarness.json('client disallow Third --api polls polls.add_choice polls.change_choice'), {
          disallowed: ['polls.add_choice'],
          not_allowed: ['polls.change_choice'],
        });
        t.match(await cliHarness.json('client allow Third --api polls --all'), {
          allowed: ['polls.add_choice', 'polls.change_choice', 'polls.delete_choice'],
        });
        t.same((await cliHarness.json('client show Third')).boundary, {
          polls: ['polls.add_choice', 'polls.change_choice', 'polls.delete_choice', 'polls.view_choice'],
        });
        t.match(await cliHarness.run('client show Third'), { stdout: /Boundary +polls: polls\.add_choice, / });
        await cliHarness.json('client disallow Third --api polls --all');
        t.same((await cliHarness.json('client show Third')).boundary, {});
        t.match(await cliHarness.run('client allow Shop --api polls polls.add_choice'), {
          stdout: /Shop is first-party: it carries everything/,
        });
      },
    );

    await t.test(
      'RFC 7591 §3: client registration-token makes, lists and takes back what programs register with',
      async (t) => {
        const made = await cliHarness.json(
          "client registration-token --label 'For the labs' --api polls --uses 5 --days 2",
        );
        t.match(made, { registration_token: /^[\w-]{43}$/, label: 'For the labs', uses_left: 5 });
        t.match(await lastEntry(db), {
          objectKind: 'registrationtoken',
          action: 'add',
          after: { apis: ['polls'], uses: 5 },
        });
        t.notMatch(JSON.stringify(await lastEntry(db)), made.registration_token);
        t.match(await cliHarness.run('client registration-token'), {
          exit: 0,
          stdout:
            /^registration_token {2}[\w-]{43}\nShown this once\. For one client, until .*\nHere registration is off.*SIGNET_REGISTRATION=token/,
        });
        const { registration_tokens: listed } = await cliHarness.json('client registration-token --list');
        t.match(listed[1], { label: 'For the labs', apis: ['polls'], uses_left: 5, is_good: true });
        const text = (await cliHarness.run('client registration-token --list')).stdout;
        t.match(text, /For the labs +polls +5 .* good/);
        t.notMatch(text, made.registration_token);
        t.match(await cliHarness.json("client registration-token --revoke 'For the labs'"), { revoked: true });
        t.match(await cliHarness.run("client registration-token --revoke 'For the labs'"), {
          exit: 3,
          stderr: /no registration token/,
        });
        t.equal((await cliHarness.json('client registration-token --list')).registration_tokens.length, 1);
      },
    );

    await t.test('docs/commands.md: permissions of a client, and a token issued for it', async (t) => {
      t.match(await cliHarness.json('perm grant --client Helper --api polls polls.view_choice'), {
        granted: ['polls.view_choice'],
      });
      t.match(await cliHarness.json('perm list --client Helper --explain'), {
        permissions: [{ audience: 'polls', name: 'polls.view_choice', from: 'user', group: null }],
      });
      const { access_token } = await cliHarness.json('token issue --client Helper --api polls');
      t.match(await cliHarness.json('token verify -', { stdin: access_token }), {
        active: true,
        claims: { sub: /^c_/, permissions: ['polls.view_choice'] },
      });
      t.match(await cliHarness.run('token verify -', { stdin: access_token }), { exit: 0, stdout: /Client +c_/ });
      await cliHarness.json('client disable Helper');
      t.match(await cliHarness.run('token verify -', { stdin: access_token }), {
        exit: 1,
        stderr: /its client Helper is disabled/,
      });
      await cliHarness.json('client enable Helper');
      t.match(await cliHarness.json('perm revoke --client Helper --api polls polls.view_choice'), {
        revoked: ['polls.view_choice'],
      });
    });

    await t.test(
      'RFC 8252 §7.3 (A3): http on loopback is for programs on their machine, where a server is met over https',
      async (t) => {
        const remote = await openCliHarness(db, { SIGNET_ISSUER: 'https://id.example' });
        const words = '--redirect-uri http://localhost:3000/cb';
        t.match(await remote.run(`client create Far --preset web ${words}`), { exit: 2, stderr: /Use https/ });
        t.match(await remote.run(`client create Far --preset native ${words}`), { exit: 0 });
        t.match(
          await cliHarness.run(`client create Near --preset web ${words}`),
          { exit: 0 },
          'in development for everybody',
        );
      },
    );

    await t.test(
      'docs/commands.md: a client command that fails changes nothing and has its own exit code',
      async (t) => {
        const before = await cliHarness.counts();
        for (const [words, exit, stderr] of [
          ['client create X', 2, /--preset is missing/],
          ['client create X --preset magic', 2, /--preset takes web or spa/],
          ['client create X --preset web', 2, /needs a redirect URI\. Add --redirect-uri/],
          [
            'client create X --preset web --redirect-uri http://a.example',
            2,
            /is not a valid URI for --redirect-uri\. Use an absolute https URL/,
          ],
          ['client create helper --preset service', 4, /already a client "helper"/],
          ['client create X --preset service --api nowhere', 3, /no API "nowhere"/],
          ['client create X --preset service --api polls --api polls', 2, /twice/],
          ['client update Nobody --name Y', 3, /no client "Nobody"/],
          ['client update Helper --first-party maybe', 2, /takes on or off/],
          ['client delete Nobody', 3, /no client/],
          ['client create X --preset spa --redirect-uri https://a.example/cb --pkce off', 2, /confidential clients/],
          ['client create X --preset service --grant password', 2, /--grant takes code, refresh, client-credentials/],
          ['client create X --preset service --auth tls', 2, /--auth takes client_secret or/],
          ['client create X --preset service --auth none', 2, /only for confidential clients\. Add --auth/],
          ['client create X --preset service --consent skip', 2, /--first-party/],
          ['client create X --preset service --max-age soon', 2, /whole number/],
          ['client create X --preset service --logo-uri javascript:1', 2, /--logo-uri takes an absolute https URL/],
          ['client create X --preset service --id-token-alg HS256', 2, /RS256 or ES256 or EdDSA/],
          ['client allow Helper --api polls', 2, /Name permissions, or say --all/],
          ['client allow Helper --api polls --all polls.add_choice', 2, /Name permissions, or say --all/],
          ['client allow Helper --api polls polls.nothing', 3, /has no permission polls\.nothing/],
          ['client disallow Nobody --api polls --all', 3, /no client/],
          ['client registration-token --uses 0', 2, /--uses takes 1 to 100000, not 0/],
          ['client registration-token --days 9999', 2, /--days takes 1 to 3650, not 9999/],
          ['client registration-token --list --label x', 2, /Make one, list them, or revoke one/],
          ['client registration-token --api nowhere', 3, /no API "nowhere"/],
          ['perm grant --client Helper --user x --api polls polls.view_choice', 2, /a user, a group or a client/],
          ['token issue --client Helper --user x --api polls', 3, /no user "x"/],
        ] as const)
          t.match(await cliHarness.run(words), { exit, stderr }, words);
        t.same(await cliHarness.counts(), before);
      },
    );
  }),
);
