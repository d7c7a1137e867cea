import type { Test } from 'tap';
import t from '../support/tap.ts';
import { startApache } from './apache.ts';
import { fromDebian } from './debian.ts';
import { stock } from './record.ts';
import { startWorld } from './world.ts';

await stock(fromDebian('mod_oauth2', ['libapache2-mod-oauth2', 'apache2-bin']), async (_t, flow) => {
  const world = await startWorld(t);
  const serving = await world.client({ preset: 'service', serves: ['polls'] });

  /** An API behind Apache that lets through who may add choices: what it answers to a token. */
  async function startApi(t: Test, verify: string) {
    const apache = await startApache(
      t,
      ['oauth2'],
      () => `
        OAuth2TokenVerify ${verify}
        OAuth2TargetPass prefix=oauth2_claim_
        <Location /vote>
          AuthType oauth2
          Require oauth2_claim permissions:polls.add_choice
        </Location>`,
    );
    return async (token: string) => {
      const response = await fetch(`${apache.url}/vote`, { headers: { authorization: `Bearer ${token}` } });
      return { status: response.status, text: `${await response.text()}\n${apache.log()}` };
    };
  }

  /** Its OpenSSL knows no CA but the system's: `ssl_verify=false` is what its documentation has for development. */
  const introspect = [
    `introspect ${world.issuer}/oauth2/introspect`,
    `introspect.ssl_verify=false&introspect.auth=client_secret_basic&client_id=${serving.clientId}&client_secret=${serving.secret}`,
  ].join(' ');
  const jwks = `jwks_uri ${world.issuer}/.well-known/jwks.json jwks_uri.ssl_verify=false`;

  for (const [name, tokenKind, verify] of [
    ['introspection of opaque tokens, Require oauth2_claim permissions:polls.add_choice', 'opaque', introspect],
    ['introspection of JWTs', 'jwt', introspect],
    ['JWT by jwks_uri', 'jwt', jwks],
  ] as const)
    await flow(`resource server: ${name}`, async (t) => {
      await world.changeApi('polls', { tokenKind });
      const ask = await startApi(t, verify);
      const answer = await ask(await world.token('alice'));
      t.equal(answer.status, 200, answer.text);
      t.match(answer.text, /"oauth2_claim_username":"alice"/i);
      t.not((await ask(await world.token('bob'))).status, 200, 'bob may not');
      t.equal((await ask('nonsense')).status, 401);
    });
});
