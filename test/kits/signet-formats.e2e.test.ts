import { createVerifier } from '../../kits/node/src/index.ts';
import { systemClock } from '../../src/platform/time.ts';
import { ensureCurrentKey } from '../../src/tokens/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { jwtHeader } from '../support/flows.ts';
import { freePort } from '../support/process.ts';
import { audit, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';
import { codeOf, until } from './issuer.ts';

// The kit against Signet itself: changes of rights are seen whatever the format and the key of an API.

await t.test(
  'docs/tokens.md, docs/freshness.md: an API of format bitmap, or signed with ES256, is as fresh as any other',
  async (t) => {
    const db = await openTestEmbedded();
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    const signet = await openWorld(db, { environment: { SIGNET_ISSUER: issuer }, clock: systemClock });
    await ensureCurrentKey(db.fork(), audit(), masterKey, 'ES256');
    await signet.keys.reload();
    await signet.app.listen({ host: '127.0.0.1', port });
    t.teardown(async () => {
      await signet.app.close();
      await db.close();
    });
    const vera = await signet.user('vera');

    for (const [audience, settings, header] of [
      ['bits', { format: 'bitmap' }, { alg: 'RS256' }],
      ['curves', { alg: 'ES256' }, { alg: 'ES256' }],
    ] as const) {
      const api = await signet.api(audience, { models: ['polls.choice'], ...settings });
      await signet.assign(vera, api, 'polls.view_choice', 'polls.delete_choice');
      const signedIn = await signet.http.logIn('vera', { audience });
      const { token: first } = signedIn;
      const browser = signet.http.as(signedIn);
      t.match(jwtHeader(first), header);
      const again = async (): Promise<string> =>
        (await browser.json('/api/v1/token', { audience })).json().access_token;
      const verifier = createVerifier({ issuer, audience, status: 'required' });
      const refusal = (token: string, perms: string) =>
        verifier.admit(`Bearer ${token}`, { perms }).then(
          () => null,
          ({ status, action }) => ({ status, action }),
        );
      const viewed = await verifier.verify(first);
      t.same(viewed.getAllPermissions(), ['polls.delete_choice', 'polls.view_choice'], audience);

      await signet.assign(vera, api, 'polls.add_choice');
      await signet.refresh();
      await until(async () => (await verifier.verify(first)).isSuperseded);
      t.equal(await refusal(first, 'polls.view_choice'), null, 'what it says is still good');
      t.same(await refusal(first, 'polls.add_choice'), { status: 401, action: 'refresh' });
      const second = await again();
      t.equal(await refusal(second, 'polls.add_choice'), null);
      t.match(await refusal(second, 'polls.change_choice'), { status: 403 });

      await signet.unassign(vera, api, 'polls.delete_choice');
      await signet.refresh();
      await until(async () => (await codeOf(verifier.verify(second))) === 'token_suspended');
      t.same(await refusal(second, 'polls.view_choice'), { status: 401, action: 'refresh' });
      const third = await again();
      t.equal(await refusal(third, 'polls.view_choice'), null);

      await browser.post('/api/v1/logout');
      await signet.refresh();
      await until(async () => (await codeOf(verifier.verify(third))) === 'token_revoked');
      t.same(await refusal(third, 'polls.view_choice'), { status: 401, action: 'login' });
      verifier.close();
    }
  },
);
