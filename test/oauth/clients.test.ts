import { generateKeyPairSync } from 'node:crypto';
import { AuditEntry } from '../../src/audit/index.ts';
import {
  Client,
  ClientSecret,
  clientSettings,
  createClient,
  createClientCache,
  deleteClient,
  type NewClient,
  type Preset,
  readJwks,
  updateClient,
} from '../../src/oauth/index.ts';
import { advanceKeys, createKeyRing, ensureCurrentKey, openKeys, requiredAlgorithms } from '../../src/tokens/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';

const generateJwk = (type: 'rsa' | 'ec' | 'ed25519', bits = 2048) => {
  const { publicKey, privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: bits })
      : type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  return { jwk: publicKey.export({ format: 'jwk' }), secret: privateKey.export({ format: 'jwk' }) };
};

t.test('clients', (t) =>
  onEachEngine(t, async (t, db) => {
    let made = 0;
    const create = (preset: Preset, more: Partial<NewClient> = {}) =>
      createClient(db.fork(), audit(), {
        name: `Client ${++made}`,
        preset,
        redirectUris: ['https://app.example/cb'],
        ...more,
      });
    const cache = createClientCache(db, undefined as never);

    await t.test(
      'RFC 9700 §2.1, RFC 8252 §7.1, RFC 3986 §2 (A3), attacks 37: which redirect URIs a client may have, by its preset',
      async (t) => {
        const taken: [Preset, string][] = [
          ['web', 'https://app.example/cb'],
          ['web', 'https://app.example:8443/cb?tenant=1'],
          ['web', 'http://localhost:4001/callback'],
          ['spa', 'http://127.0.0.1/cb'],
          ['native', 'http://127.0.0.1/cb'],
          ['native', 'http://[::1]:9/cb'],
          ['native', 'com.example.app:/cb'],
          ['mcp', 'http://localhost/cb'],
        ];
        for (const [preset, uri] of taken)
          t.same((await create(preset, { redirectUris: [uri, uri] })).client.redirectUris, [uri], `${preset} ${uri}`);
        const refused = [
          'app.example/cb',
          '/cb',
          'https://',
          'https://app.example/cb#part',
          'https://app.example/cb#',
          'https://user@app.example/cb',
          'https://app.example:x/cb',
          'https://*.app.example/cb',
          'https://app.example\\@evil.example/cb',
          'https://app.example/c b',
          'https://app.example/\u00fc',
          'http://app.example/cb',
          'http://127.1/cb',
          'http://0x7f.1/cb',
          'http://2130706433/cb',
          'http://localhost.evil.example/cb',
          'http://127.0.0.1@evil.example/cb',
          'http://[::1]%00/cb',
          'http://[::ffff:127.0.0.1]/cb',
          'javascript:alert(1)',
          'data:text/html,x',
          'myapp:/cb',
          'com.example.app:/cb',
          `https://app.example/${'x'.repeat(2000)}`,
        ];
        for (const uri of refused)
          await t.rejects(
            create('web', { redirectUris: [uri] }),
            { code: 'client_redirect_uri_invalid', params: { setting: 'redirectUris', uri } },
            uri,
          );
        for (const uri of ['myapp:/cb', 'javascript:a.b'])
          await t.rejects(create('native', { redirectUris: [uri] }), {
            code: 'client_redirect_uri_invalid',
            params: { uri },
          });
        for (const preset of ['web', 'spa'] as const)
          await t.rejects(
            create(preset, { redirectUris: ['http://localhost/cb'], redirectRules: { httpsOnly: true, schemes: [] } }),
            {
              code: 'client_redirect_uri_on_loopback',
              params: { uri: 'http://localhost/cb', preset, presets: ['native', 'mcp'] },
            },
            `${preset}: http on loopback, at a server that is met over https`,
          );
        for (const preset of ['native', 'mcp'] as const)
          t.ok(
            await create(preset, {
              redirectUris: ['http://127.0.0.1/cb'],
              redirectRules: { httpsOnly: true, schemes: [] },
            }),
          );
        await t.rejects(create('web', { redirectUris: [] }), { code: 'client_redirect_uri_missing' });
      },
    );

    await t.test('docs/oauth.md, RFC 9700 §2.1.1 (A6): PKCE is off for confidential clients only', async (t) => {
      const off = { pkce: 'off' } as const;
      const { client } = await create('web', { settings: off });
      t.same(client.settings, off, 'only what differs is stored');
      await t.rejects(create('spa', { settings: off }), { code: 'client_pkce_required', params: { pkce: 'off' } });
      await t.rejects(updateClient(db.fork(), audit(), client, { authMethod: 'none' }), {
        code: 'client_pkce_required',
        params: { pkce: 'off' },
      });
      await t.rejects(create('spa', { settings: { pkce: 'if-sent' } }), {
        code: 'client_pkce_required',
        params: { pkce: 'if-sent' },
      });
      const again = await updateClient(db.fork(), audit(), client, { settings: { pkce: 'on' } });
      t.same(again.settings, {}, 'and a standard value is none of its own');
    });

    await t.test('RFC 6749 §4.4, RFC 8693 §5 (T8, T10): which grants a client may have', async (t) => {
      const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
      const { client } = await create('service', { grantTypes: ['client_credentials', exchange] });
      t.same(client.grantTypes, ['client_credentials', exchange]);
      for (const [preset, grantTypes] of [
        ['spa', ['authorization_code', 'client_credentials']],
        ['native', [exchange]],
      ] as const)
        await t.rejects(create(preset, { grantTypes }), { code: 'client_must_be_confidential' });
      for (const grant of ['password', 'implicit', '__proto__'])
        await t.rejects(create('web', { grantTypes: [grant] }), {
          code: 'grant_type_unknown',
          params: { grantType: grant },
        });
      await t.rejects(
        updateClient(db.fork(), audit(), client, { grantTypes: ['authorization_code'], redirectUris: [] }),
        { code: 'client_redirect_uri_missing' },
      );
    });

    await t.test(
      'RFC 7517 §4, §5, RFC 7518 §3.3, §6.2.2, §6.3.2, §6.4, RFC 8037 §2 (T5): private_key_jwt needs public keys, here or there, and none that are private',
      async (t) => {
        const byKey = (settings: NewClient['settings']) =>
          create('service', { authMethod: 'private_key_jwt', ...(settings ? { settings } : {}) });
        await t.rejects(byKey({}), { code: 'client_keys_missing' });
        const { jwk, secret } = generateJwk('ec');
        const jwks = readJwks({ keys: [{ ...jwk, kid: 'a', x5c: ['dropped'] }] });
        t.same(jwks, { keys: [{ kty: 'EC', kid: 'a', crv: 'P-256', x: jwk.x, y: jwk.y }] });
        const { client, secret: none } = await byKey({ jwks });
        t.equal(none, null, 'it has no secret');
        await t.rejects(byKey({ jwks, jwksUri: 'https://app.example/jwks' }), { code: 'client_keys_ambiguous' });
        for (const uri of ['http://app.example/jwks', 'file:///etc/passwd', 'javascript:1', 'https://a@b/jwks'])
          await t.rejects(
            byKey({ jwksUri: uri }),
            { code: 'client_uri_invalid', params: { setting: 'jwksUri', uri } },
            uri,
          );
        t.same(readJwks(generateJwk('ed25519').jwk).keys.length, 1, 'one JWK will do');
        t.ok(readJwks({ keys: [generateJwk('rsa').jwk] }));
        const refused: [unknown, string, object?][] = [
          [null, 'jwks_invalid', { max: 20 }],
          [[], 'jwks_invalid'],
          [{ keys: [] }, 'jwks_invalid'],
          [{ keys: Array(21).fill(jwk) }, 'jwks_invalid', { max: 20 }],
          [{ keys: ['x'] }, 'jwk_not_an_object'],
          [{ keys: [secret] }, 'jwk_private'],
          [{ keys: [generateJwk('rsa').secret] }, 'jwk_private'],
          [{ keys: [generateJwk('ed25519').secret] }, 'jwk_private'],
          [{ keys: [{ kty: 'oct', k: 'AAAA' }] }, 'jwk_private'],
          [{ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] }, 'jwk_type_unsupported'],
          [{ keys: [{ ...jwk, kid: 1 }] }, 'jwk_member_invalid'],
          [{ keys: [{ ...jwk, use: 'enc' }] }, 'jwk_not_for_signatures'],
          [{ keys: [generateJwk('rsa', 1024).jwk] }, 'jwk_too_short', { minBits: 2048 }],
        ];
        for (const [document, code, params = {}] of refused) t.throws(() => readJwks(document), { code, params });
        const before = await db.fork().count(AuditEntry, { objectId: client.id });
        const other = readJwks({ keys: [{ ...generateJwk('ec').jwk, kid: 'a' }] });
        await updateClient(db.fork(), audit(), client, { settings: { jwks: other } });
        t.equal(
          await db.fork().count(AuditEntry, { objectId: client.id }),
          before + 1,
          'another key of the same name is a change',
        );
        const loaded = await cache.load(client.clientId);
        t.same(loaded?.settings.jwks, other, 'and is what requests see');
      },
    );

    await t.test(
      'OIDC Registration §2 (T5): the one algorithm of assertions is one that a key of the client is for',
      async (t) => {
        const [ec, rsa] = [
          readJwks(generateJwk('ec').jwk),
          readJwks({ keys: [{ ...generateJwk('rsa').jwk, alg: 'RS256' }] }),
        ];
        const { client } = await create('service', {
          authMethod: 'private_key_jwt',
          settings: { jwks: ec, assertionAlg: 'ES256' },
        });
        const set = (settings: NonNullable<NewClient['settings']>) =>
          updateClient(db.fork(), audit(), client, { settings });
        const none = { code: 'client_keys_without_alg' };
        await t.rejects(set({ assertionAlg: 'EdDSA' }), none);
        await t.rejects(set({ jwks: rsa }), none);
        await t.rejects(set({ jwks: rsa, assertionAlg: 'PS256' }), none, 'its key is for RS256');
        t.match(await set({ jwks: rsa, assertionAlg: 'RS256' }), { settings: { assertionAlg: 'RS256' } });
        const uri = { jwks: null, jwksUri: 'https://app.example/jwks', assertionAlg: 'EdDSA' } as const;
        t.match(await set(uri), { settings: { assertionAlg: 'EdDSA' } }, 'keys at an address may be others tomorrow');
        const [entry] = await db.fork().find(AuditEntry, { objectId: client.id }, { orderBy: { id: 'desc' } });
        t.match(entry, { before: { assertionAlg: 'RS256' }, after: { assertionAlg: 'EdDSA' } });
      },
    );

    await t.test(
      'OIDC Registration §2, OIDC Back-Channel Logout §2.2: URLs and lifetimes that are none are refused by name',
      async (t) => {
        const odd: [NonNullable<NewClient['settings']>, string, object][] = [
          [{ logoUri: 'javascript:alert(1)' }, 'client_uri_invalid', { setting: 'logoUri' }],
          [{ clientUri: 'data:text/html,x' }, 'client_uri_invalid', { setting: 'clientUri' }],
          [{ tosUri: 'http://app.example/tos' }, 'client_uri_invalid', { setting: 'tosUri' }],
          [{ policyUri: 'policy' }, 'client_uri_invalid', { setting: 'policyUri' }],
          [
            { backchannelLogoutUri: 'https://app.example/out#x' },
            'client_uri_invalid',
            { setting: 'backchannelLogoutUri' },
          ],
          [
            { postLogoutRedirectUris: ['http://app.example/bye'] },
            'client_redirect_uri_invalid',
            { setting: 'postLogoutRedirectUris' },
          ],
          [{ defaultMaxAge: -1 }, 'client_seconds_out_of_range', { setting: 'defaultMaxAge', from: 0 }],
          [{ refreshIdleSeconds: 59 }, 'client_seconds_out_of_range', { setting: 'refreshIdleSeconds', from: 60 }],
          [
            { refreshAbsoluteSeconds: 31_536_001 },
            'client_seconds_out_of_range',
            { setting: 'refreshAbsoluteSeconds', from: 60, to: 31_536_000 },
          ],
        ];
        for (const [settings, code, params] of odd) await t.rejects(create('web', { settings }), { code, params });
      },
    );

    await t.test('docs/oauth.md (A11): only a first-party client skips consent', async (t) => {
      const { client } = await create('web');
      await t.rejects(updateClient(db.fork(), audit(), client, { settings: { askConsent: false } }), {
        code: 'client_consent_required',
      });
      const asking = await updateClient(db.fork(), audit(), client, {
        isFirstParty: true,
        settings: { askConsent: true },
      });
      t.ok(clientSettings(asking).askConsent);
      t.notOk(
        clientSettings(await updateClient(db.fork(), audit(), asking, { settings: { askConsent: false } })).askConsent,
      );
    });

    await t.test(
      'docs/permissions.md: who registered itself is never first-party, and shares its name with whom it likes',
      async (t) => {
        const twins = [
          await create('web', { name: 'Twin', isDynamic: true }),
          await create('web', { name: 'Twin', isDynamic: true }),
        ];
        await create('web', { name: 'Twin' });
        await t.rejects(
          create('web', { name: 'twin' }),
          { code: 'client_exists', params: { name: 'twin' } },
          'an administrator gives a name once',
        );
        const [{ client }] = twins as [(typeof twins)[0]];
        await t.rejects(updateClient(db.fork(), audit(), client, { isFirstParty: true }), {
          code: 'client_dynamic_first_party',
        });
        t.match(await updateClient(db.fork(), audit(), client, { name: 'Other' }), { name: 'Other' });
        t.equal((await cache.load(client.clientId))?.isDynamic, true, 'requests know it');
      },
    );

    await t.test('docs/oauth.md: another way to authenticate ends the secrets', async (t) => {
      const { client } = await create('web');
      const secrets = () => db.fork().count(ClientSecret, { client: client.id });
      t.equal(await secrets(), 1);
      const before = await cache.load(client.clientId);
      await updateClient(db.fork(), audit(), client, { authMethod: 'none' });
      t.equal(await secrets(), 0);
      t.ok(((await cache.load(client.clientId))?.version ?? 0) > (before?.version ?? 0), 'and processes hear of it');
    });

    await t.test('architecture: a change is logged field by field, and one that changes nothing is none', async (t) => {
      const { client } = await create('web', { settings: { requirePushed: true, defaultMaxAge: 60 } });
      const entries = () => db.fork().find(AuditEntry, { objectId: client.id }, { orderBy: { id: 'desc' } });
      await updateClient(db.fork(), audit(), client, { settings: { defaultMaxAge: null } });
      const [entry] = await entries();
      t.same([entry?.before, entry?.after], [{ defaultMaxAge: 60 }, { defaultMaxAge: null }]);
      const version = (await cache.load(client.clientId))?.version;
      await updateClient(db.fork(), audit(), client, { settings: { requirePushed: true } });
      t.same([(await entries()).length, (await cache.load(client.clientId))?.version], [2, version]);
    });

    await t.test(
      'docs/login-api.md: a client whose URIs would not be taken any more can still be disabled',
      async (t) => {
        const { client } = await create('web');
        await db.fork().nativeUpdate(Client, { id: client.id }, { redirectUris: ['http://old.example/cb'] });
        t.match(await updateClient(db.fork(), audit(), client, { isActive: false }), { isActive: false });
      },
    );

    await t.test(
      'OIDC Registration §2 (M5, K1): an algorithm that a client alone asks for keeps its key',
      async (t) => {
        const at = new Date('2026-11-22T12:00:00Z');
        const policy = { leadSeconds: 60, rotationSeconds: 0 };
        t.same([...(await requiredAlgorithms(db.fork()))], ['RS256']);
        const { client } = await create('web', { settings: { idTokenAlg: 'ES256', userinfoAlg: 'EdDSA' } });
        t.same([...(await requiredAlgorithms(db.fork()))].sort(), ['ES256', 'EdDSA', 'RS256']);
        for (const alg of ['RS256', 'ES256', 'EdDSA'] as const)
          await ensureCurrentKey(db.fork(), audit(at), masterKey, alg);
        await advanceKeys(db.fork(), audit(at), masterKey, policy);
        const keys = await createKeyRing((open) => openKeys(db.fork(), masterKey, open));
        for (const alg of ['ES256', 'EdDSA'] as const) t.ok(keys.signer(alg).kid, alg);
        await deleteClient(db.fork(), audit(at), client);
        t.same([...(await requiredAlgorithms(db.fork()))], ['RS256'], 'and no longer than it asks');
      },
    );
  }),
);
