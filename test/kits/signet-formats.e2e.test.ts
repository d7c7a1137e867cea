import { createVerifier } from '../../kits/node/src/index.ts';
import {
  assign,
  changeCatalogue,
  createApi,
  defaultPermissions,
  getPermissions,
  unassign,
} from '../../src/permissions/index.ts';
import { systemClock } from '../../src/platform/time.ts';
import { ensureCurrentKey } from '../../src/tokens/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { audit, makeUser, masterKey, startApp } from '../support/server.ts';
import t from '../support/tap.ts';
import { codeOf, until } from './issuer.ts';

// The kit against Signet itself: changes of rights are seen whatever the format and the key of an API.

const PASSWORD = 'as long as it needs to be';

await t.test(
  'docs/tokens.md, docs/freshness.md: an API of format bitmap, or signed with ES256, is as fresh as any other',
  async (t) => {
    const db = await openTestEmbedded();
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    const environment = { SIGNET_ISSUER: issuer, SIGNET_ARGON2_MEMORY: '7168' };
    const signet = await startApp(db, { environment, clock: systemClock });
    await ensureCurrentKey(db.fork(), audit(), masterKey, 'ES256');
    await signet.keys.reload();
    await signet.app.listen({ host: '127.0.0.1', port });
    t.teardown(async () => {
      await signet.app.close();
      await db.close();
    });
    const vera = await makeUser(db, signet.passwords, 'vera', PASSWORD);
    const receiver = { kind: 'user' as const, principal: { id: vera.id, label: 'vera' } };
    const post = (path: string, body: object, headers: Record<string, string> = {}) =>
      fetch(`${issuer}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });

    for (const [audience, settings, header] of [
      ['bits', { format: 'bitmap' }, { alg: 'RS256' }],
      ['curves', { alg: 'ES256' }, { alg: 'ES256' }],
    ] as const) {
      const api = await createApi(db.fork(), audit(), audience, settings);
      await changeCatalogue(db.fork(), audit(), api, defaultPermissions('polls', 'choice'));
      const permissions = (...names: string[]) => getPermissions(db.fork(), api, names);
      await assign(db.fork(), audit(), receiver, await permissions('polls.view_choice', 'polls.delete_choice'));
      const login = await post('/api/v1/login', { username: 'vera', password: PASSWORD, audience });
      const { access_token: first } = (await login.json()) as { access_token: string };
      const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      t.match(JSON.parse(Buffer.from(first.split('.')[0] as string, 'base64url').toString()), header);
      const again = async () => {
        const answer = await post('/api/v1/token', { audience }, { cookie });
        return ((await answer.json()) as { access_token: string }).access_token;
      };
      const verifier = createVerifier({ issuer, audience, status: 'required' });
      const refusal = (token: string, perms: string) =>
        verifier.admit(`Bearer ${token}`, { perms }).then(
          () => null,
          ({ status, action }) => ({ status, action }),
        );
      const viewed = await verifier.verify(first);
      t.same(viewed.getAllPermissions(), ['polls.delete_choice', 'polls.view_choice'], audience);

      await assign(db.fork(), audit(), receiver, await permissions('polls.add_choice'));
      await signet.refresh();
      await until(async () => (await verifier.verify(first)).isSuperseded);
      t.equal(await refusal(first, 'polls.view_choice'), null, 'what it says is still good');
      t.same(await refusal(first, 'polls.add_choice'), { status: 401, action: 'refresh' });
      const second = await again();
      t.equal(await refusal(second, 'polls.add_choice'), null);
      t.match(await refusal(second, 'polls.change_choice'), { status: 403 });

      await unassign(db.fork(), audit(), receiver, await permissions('polls.delete_choice'));
      await signet.refresh();
      await until(async () => (await codeOf(verifier.verify(second))) === 'token_suspended');
      t.same(await refusal(second, 'polls.view_choice'), { status: 401, action: 'refresh' });
      const third = await again();
      t.equal(await refusal(third, 'polls.view_choice'), null);

      await post('/api/v1/logout', {}, { cookie });
      await signet.refresh();
      await until(async () => (await codeOf(verifier.verify(third))) === 'token_revoked');
      t.same(await refusal(third, 'polls.view_choice'), { status: 401, action: 'login' });
      verifier.close();
    }
  },
);
