import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwtClaims } from '../support/flows.ts';
import { freePort } from '../support/process.ts';
import t from '../support/tap.ts';
import { fromDebian } from './debian.ts';
import { startPythonSite, talkToPython } from './python.ts';
import { stock } from './record.ts';
import { EDITORS, goThrough, startWorld } from './world.ts';

const authlib = fromDebian('Authlib', ['python3-authlib', 'python3-flask', 'python3-requests']);

await stock(authlib, async (_t, flow) => {
  const world = await startWorld(t);

  await flow('Flask client: discovery, authorization code, PKCE, nonce, consent, userinfo, refresh', async (t) => {
    const port = await freePort();
    const made = await world.client({
      preset: 'web',
      redirectUris: [`http://127.0.0.1:${port}/auth`],
      boundary: EDITORS,
    });
    const words = [world.issuer, made.clientId, made.secret];
    const site = await startPythonSite(t, 'authlib_flask.py', port, words, world.caPath);
    const page = await goThrough(world.browser(), `${site.url}/login`);
    t.same(page.asked, ['login', 'consent']);
    t.equal(page.status, 200, `${page.text}\n${site.log()}`);
    const answer = JSON.parse(page.text);
    t.match(answer.id_token, { iss: world.issuer, aud: made.clientId, groups: ['Poll editors'] });
    t.match(answer.userinfo, { sub: answer.id_token.sub, email: 'alice@example.com', permissions: EDITORS });
    t.match(jwtClaims(answer.renewed), { aud: 'polls', permissions: EDITORS });
  });

  await flow('OAuth2Session: private_key_jwt for the token endpoint, refresh, introspection, revocation', async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'one' };
    const folder = mkdtempSync(join(tmpdir(), 'signet-authlib-'));
    writeFileSync(join(folder, 'key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const callback = 'https://app.example/callback';
    const made = await world.client({
      preset: 'web',
      redirectUris: [callback],
      isFirstParty: true,
      authMethod: 'private_key_jwt',
      settings: { jwks: { keys: [jwk] }, assertionAudience: 'issuer_or_token_endpoint' },
    });
    const words = [world.issuer, made.clientId, join(folder, 'key.pem'), callback];
    const program = talkToPython(t, 'authlib_session.py', words, world.caPath);
    const page = await goThrough(world.browser({ stopAt: callback }), await program.hear());
    program.say(page.url.href);
    t.match(JSON.parse(await program.hear()), {
      token: { token_type: 'Bearer' },
      seen: { active: true, username: 'alice', permissions: EDITORS },
      revoked: 200,
      gone: { active: false },
    });
  });
});
