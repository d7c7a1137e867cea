import oauthPlugin, { type OAuth2Namespace } from '@fastify/oauth2';
import fastify from 'fastify';
import { jwtClaims } from '../support/flows.ts';
import { freePort } from '../support/process.ts';
import t from '../support/tap.ts';
import { fromNpm, stock } from './record.ts';
import { EDITORS, goThrough, startWorld } from './world.ts';

declare module 'fastify' {
  interface FastifyInstance {
    signet: OAuth2Namespace;
  }
}

const world = await startWorld(t);

await stock(fromNpm('@fastify/oauth2'), async (_t, flow) => {
  for (const pkce of [undefined, 'S256'] as const)
    await flow(
      pkce
        ? 'authorization code with PKCE, refresh, revocation, userinfo'
        : 'authorization code by discovery, userinfo',
      async (t) => {
        const port = await freePort();
        const url = `http://127.0.0.1:${port}`;
        const callbackUri = `${url}/login/signet/callback`;
        const made = await world.client({
          preset: 'web',
          redirectUris: [callbackUri],
          isFirstParty: true,
          serves: ['polls'],
        });
        const app = fastify();
        await app.register(oauthPlugin, {
          name: 'signet',
          scope: ['openid', 'profile', 'email'],
          credentials: { client: { id: made.clientId, secret: made.secret } },
          startRedirectPath: '/login/signet',
          callbackUri,
          callbackUriParams: pkce ? { audience: 'polls' } : {},
          discovery: { issuer: world.issuer },
          ...(pkce ? { pkce } : {}),
        });
        app.get('/login/signet/callback', async (request) => {
          const { token } = await app.signet.getAccessTokenFromAuthorizationCodeFlow(request);
          if (!pkce) return { token, userinfo: await app.signet.userinfo(token) };
          const { token: newToken } = await app.signet.getNewAccessTokenUsingRefreshToken(token, {});
          await app.signet.revokeToken(newToken, 'refresh_token', {});
          return { token, newToken };
        });
        await app.listen({ host: '127.0.0.1', port });
        t.teardown(() => app.close());
        const page = await goThrough(world.browser(), `${url}/login/signet`);
        t.equal(page.status, 200, page.text);
        const answer = JSON.parse(page.text);
        t.match(answer.token, { token_type: 'Bearer', scope: 'openid profile email' });
        if (pkce) {
          const claims = jwtClaims(answer.newToken.access_token);
          t.match(claims, { aud: 'polls', permissions: EDITORS });
          t.not(answer.newToken.refresh_token, answer.token.refresh_token);
        } else t.match(answer.userinfo, { preferred_username: 'alice', email: 'alice@example.com' });
      },
    );
});
