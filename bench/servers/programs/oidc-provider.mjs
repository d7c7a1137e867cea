import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import MemoryAdapter, { setStorage } from 'oidc-provider/lib/adapters/memory_adapter.js';
import LRU from 'oidc-provider/lib/helpers/lru.js';
import { openPostgresqlAdapter } from './postgresql-adapter.mjs';

const { port, client, resources } = JSON.parse(process.argv[2]);
const databaseUrl = process.env.DATABASE_URL;

/** Its own in-memory adapter, which keeps a thousand entries by itself: codes of one measurement are more. */
const ENTRIES = 10_000_000;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const servers = {
  [resources.RS256]: { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  [resources.ES256]: { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } },
  [resources.opaque]: { accessTokenFormat: 'opaque' },
};

const clientMetadata = {
  client_id: client.id,
  client_secret: client.secret,
  grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['https://app.example/callback'],
  token_endpoint_auth_method: 'client_secret_basic',
};

const stored = databaseUrl === undefined ? undefined : await openPostgresqlAdapter(databaseUrl);
if (stored) await stored('Client').upsert(client.id, clientMetadata);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: stored ?? ((model) => new MemoryAdapter(model)),
  // With a database as Signet does: every refresh token is used once. In memory as it does by itself, for a client with a secret.
  ...(stored ? { rotateRefreshToken: true } : {}),
  // As Signet does for a client that may refresh, without `offline_access` being asked for.
  issueRefreshToken: (_context, asking) => asking.grantTypeAllowed('refresh_token'),
  // People are made up: no statement is spent on them.
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: `User ${sub}`, email: `${sub}@bench.example`, email_verified: true }),
  }),
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  jwks: {
    keys: [
      { ...rsa, kid: 'rsa', use: 'sig', alg: 'RS256' },
      { ...ec, kid: 'ec', use: 'sig', alg: 'ES256' },
    ],
  },
  clients: stored ? [] : [clientMetadata],
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

function grantOf(accountId, resource, scope) {
  const grant = new provider.Grant({ accountId, clientId: client.id });
  grant.addOIDCScope(scope);
  if (resource !== undefined) grant.addResourceScope(resource, 'read');
  return grant.save();
}

const now = () => Math.floor(Date.now() / 1000);

/** What is there before the load begins, made by its own models, each with a grant of its own: no sign-in of people is measured. */
const makers = {
  codes: ({ accountId, owner, grantId, resource, scope, redirectUri, codeChallenge }) =>
    new provider.AuthorizationCode({
      ...{ accountId, client: owner, grantId, resource, scope, redirectUri, codeChallenge },
      codeChallengeMethod: 'S256',
      authTime: now(),
      expiresIn: 3600,
    }),
  'refresh-tokens': ({ accountId, owner, grantId, resource, scope }) =>
    new provider.RefreshToken({ accountId, client: owner, grantId, resource, scope, gty: 'authorization_code' }),
  /** Opaque and for no API, as userinfo takes them. */
  'access-tokens': ({ accountId, owner, grantId, scope }) =>
    new provider.AccessToken({ accountId, client: owner, grantId, scope, gty: 'authorization_code', expiresIn: 3600 }),
};

/** What was there before is forgotten. */
async function seed(kind, { count, resource, scope, ...asked }) {
  if (!stored) setStorage(new LRU({ maxSize: ENTRIES }));
  const owner = await provider.Client.find(client.id);
  const made = [];
  for (let n = 0; n < Number(count); n++) {
    const accountId = `u${n % 100}`;
    const grantId = await grantOf(accountId, resource, scope);
    made.push(await makers[kind]({ ...asked, accountId, owner, grantId, resource, scope }).save());
  }
  return made;
}

setStorage(new LRU({ maxSize: ENTRIES }));
const answer = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/bench/')) return answer(request, response);
  const { pathname, searchParams } = new URL(request.url, 'http://bench');
  seed(pathname.slice('/bench/'.length), Object.fromEntries(searchParams)).then(
    (made) => response.end(JSON.stringify(made)),
    (error) => response.writeHead(500).end(String(error.stack)),
  );
}).listen(port, '127.0.0.1');
