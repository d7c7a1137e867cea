import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const { port, client, resources, refreshTokens } = JSON.parse(process.argv[2]);

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const servers = {
  [resources.RS256]: { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  [resources.ES256]: { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } },
  [resources.opaque]: { accessTokenFormat: 'opaque' },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
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

for (const [alg, tokens] of Object.entries(refreshTokens))
  for (const [n, jti] of tokens.entries()) {
    const [accountId, resource] = [`u${n}`, resources[alg]];
    const grant = new provider.Grant({ accountId, clientId: client.id });
    grant.addResourceScope(resource, 'read');
    const grantId = await grant.save();
    const owner = await provider.Client.find(client.id);
    const given = { jti, accountId, client: owner, grantId, resource, scope: 'read', gty: 'authorization_code' };
    await new provider.RefreshToken(given).save();
  }
provider.listen(port, '127.0.0.1');
