import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import MemoryAdapter, { setStorage } from 'oidc-provider/lib/adapters/memory_adapter.js';
import LRU from 'oidc-provider/lib/helpers/lru.js';

const { port, client, resources, refreshTokens } = JSON.parse(process.argv[2]);

/** Its own in-memory adapter, which keeps a thousand entries by itself: codes of one measurement are more. */
const ENTRIES = 10_000_000;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const servers = {
  [resources.RS256]: { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  [resources.ES256]: { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } },
  [resources.opaque]: { accessTokenFormat: 'opaque' },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: (model) => new MemoryAdapter(model),
  // As Signet does for a client that may refresh, without `offline_access` being asked for.
  issueRefreshToken: (_context, asking) => asking.grantTypeAllowed('refresh_token'),
  jwks: {
    keys: [
      { ...rsa, kid: 'rsa', use: 'sig', alg: 'RS256' },
      { ...ec, kid: 'ec', use: 'sig', alg: 'ES256' },
    ],
  },
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: ['https://app.example/callback'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  cookies: { keys: ['of-the-bench-only'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, indicator) => ({
        scope: 'read',
        audience: indicator,
        accessTokenTTL: 600,
        ...servers[indicator],
      }),
    },
  },
});

async function seedRefreshTokens() {
  const owner = await provider.Client.find(client.id);
  for (const [alg, tokens] of Object.entries(refreshTokens))
    for (const [n, jti] of tokens.entries()) {
      const [accountId, resource] = [`u${n}`, resources[alg]];
      const grantId = await grantOf(accountId, resource, 'read');
      const given = { jti, accountId, client: owner, grantId, resource, scope: 'read', gty: 'authorization_code' };
      await new provider.RefreshToken(given).save();
    }
}

function grantOf(accountId, resource, scope) {
  const grant = new provider.Grant({ accountId, clientId: client.id });
  grant.addOIDCScope(scope);
  grant.addResourceScope(resource, 'read');
  return grant.save();
}

/** Codes as its authorization endpoint makes them, each with a grant of its own. What was there before is forgotten. */
async function seedCodes({ count, resource, scope, redirectUri, codeChallenge }) {
  setStorage(new LRU({ maxSize: ENTRIES }));
  await seedRefreshTokens();
  const owner = await provider.Client.find(client.id);
  const asked = { resource, scope, redirectUri, codeChallenge, codeChallengeMethod: 'S256', authTime: now() };
  const codes = [];
  for (let n = 0; n < count; n++) {
    const accountId = `u${n % 100}`;
    const grantId = await grantOf(accountId, resource, scope);
    const code = new provider.AuthorizationCode({ accountId, client: owner, grantId, ...asked, expiresIn: 3600 });
    codes.push(await code.save());
  }
  return codes;
}

const now = () => Math.floor(Date.now() / 1000);

setStorage(new LRU({ maxSize: ENTRIES }));
await seedRefreshTokens();
const answer = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/bench/codes?')) return answer(request, response);
  const { searchParams } = new URL(request.url, 'http://bench');
  seedCodes({ ...Object.fromEntries(searchParams), count: Number(searchParams.get('count')) }).then(
    (codes) => response.end(JSON.stringify(codes)),
    (error) => response.writeHead(500).end(String(error.stack)),
  );
}).listen(port, '127.0.0.1');
