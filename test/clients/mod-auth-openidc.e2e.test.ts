import { startApache } from './apache.ts';
import { fromDebian } from './debian.ts';
import { stock } from './record.ts';
import { goThrough, startWorld } from './world.ts';

const module = fromDebian('mod_auth_openidc', ['libapache2-mod-auth-openidc', 'apache2-bin']);

await stock(module, async (t, flow) => {
  const world = await startWorld(t);

  await flow('relying party: authorization code, PKCE, claims in Require, userinfo, refresh, logout', async (t) => {
    const apache = await startApache(t, ['auth_openidc'], async (url) => {
      const made = await world.client({
        preset: 'web',
        redirectUris: [`${url}/redirect_uri`],
        isFirstParty: true,
        settings: { postLogoutRedirectUris: [`${url}/bye`] },
      });
      return `
        OIDCProviderMetadataURL ${world.discoveryUrl}
        OIDCCABundlePath ${world.caPath}
        OIDCClientID ${made.clientId}
        OIDCClientSecret ${made.secret}
        OIDCRedirectURI ${url}/redirect_uri
        OIDCCryptoPassphrase of-this-test-alone
        OIDCScope "openid profile email groups"
        OIDCPKCEMethod S256
        OIDCRemoteUserClaim preferred_username
        OIDCInfoHook access_token refresh_token userinfo
        <Location /people>
          AuthType openid-connect
          Require valid-user
        </Location>
        <Location /editors>
          AuthType openid-connect
          Require claim "groups:Poll editors"
        </Location>
        <Location /redirect_uri>
          AuthType openid-connect
          Require valid-user
        </Location>`;
    });
    const browser = world.browser();
    const page = await goThrough(browser, `${apache.url}/people`);
    t.equal(page.status, 200, `${page.text}\n${apache.log()}`);
    t.match(JSON.parse(page.text), {
      oidc_claim_preferred_username: 'alice',
      oidc_claim_email: 'alice@example.com',
      oidc_claim_groups: 'Poll editors',
      oidc_claim_iss: world.issuer,
    });
    t.equal((await browser.open(`${apache.url}/editors`)).status, 200);
    const bob = world.browser();
    t.equal((await goThrough(bob, `${apache.url}/people`, 'bob')).status, 200);
    t.not((await bob.open(`${apache.url}/editors`)).status, 200, 'bob is in no group');

    const info = async () => JSON.parse((await browser.open(`${apache.url}/redirect_uri?info=json`)).text);
    const before = await info();
    const back = encodeURIComponent(`${apache.url}/people`);
    const token = encodeURIComponent(before.access_token);
    const refreshed = await browser.open(`${apache.url}/redirect_uri?refresh=${back}&access_token=${token}`);
    t.equal(refreshed.url.href, `${apache.url}/people`, apache.log());
    const after = await info();
    t.not(after.access_token, before.access_token);
    t.not(after.refresh_token, before.refresh_token);

    let bye = await browser.open(`${apache.url}/redirect_uri?logout=${encodeURIComponent(`${apache.url}/bye`)}`);
    if (bye.document.querySelector('[name="decision"]')) bye = await bye.submit({}, ['decision', 'logout']);
    t.equal(bye.url.origin + bye.url.pathname, `${apache.url}/bye`, apache.log());
    t.equal((await browser.open(`${apache.url}/people`)).url.pathname, '/login');
  });

  /** An API behind Apache, and what it answers to a token of each user. */
  async function asked(
    t: Parameters<typeof startApache>[0],
    own: (secret: { clientId: string; secret: string }) => string,
  ) {
    const serving = await world.client({ preset: 'service', serves: ['polls'] });
    const apache = await startApache(
      t,
      ['auth_openidc'],
      () => `
      OIDCCABundlePath ${world.caPath}
      OIDCOAuthRemoteUserClaim username
      ${own(serving)}
      <Location /vote>
        AuthType oauth20
        Require claim permissions:polls.add_choice
      </Location>`,
    );
    return async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${apache.url}/vote`, { headers });
      const text = await response.text();
      return { status: response.status, text: `${text}\n${apache.log()}` };
    };
  }

  await flow('resource server: JWT by jwks_uri, Require claim permissions:polls.add_choice', async (t) => {
    const ask = await asked(t, () => `OIDCOAuthVerifyJwksUri ${world.issuer}/.well-known/jwks.json`);
    const answer = await ask(await world.token('alice'));
    t.equal(answer.status, 200, answer.text);
    t.match(answer.text, '"oidc_claim_username":"alice"');
    t.not((await ask(await world.token('bob'))).status, 200, 'bob may not');
    t.equal((await ask('nonsense')).status, 401);
  });

  for (const tokenKind of ['jwt', 'opaque'] as const)
    await flow(`resource server: introspection of ${tokenKind === 'jwt' ? 'JWTs' : 'opaque tokens'}`, async (t) => {
      await world.changeApi('polls', { tokenKind });
      const ask = await asked(
        t,
        ({ clientId, secret }) => `
        OIDCOAuthIntrospectionEndpoint ${world.issuer}/oauth2/introspect
        OIDCOAuthClientID ${clientId}
        OIDCOAuthClientSecret ${secret}
        OIDCOAuthTokenIntrospectionInterval -1`,
      );
      const answer = await ask(await world.token('alice'));
      t.equal(answer.status, 200, answer.text);
      t.not((await ask(await world.token('bob'))).status, 200, 'bob may not');
      t.equal((await ask('nonsense')).status, 401);
    });
});
