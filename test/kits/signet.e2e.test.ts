import { createVerifier } from '../../kits/node/src/index.ts';
import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';
import { codeOf, until } from './issuer.ts';

// The kit against Signet itself: tokens, keys and catalogue as they are served today.

const signet = await startListening(t);
const options = { issuer: signet.issuer, audience: 'polls' };
const names = [
  'polls.add_choice',
  'polls.view_choice',
  'polls.change_choice',
  'polls.add_question',
  'polls.nobody_has',
];

await t.test('docs/tokens.md: every format is read as Signet answers has_perm', async (t) => {
  for (const settings of [
    { format: 'list', typ: 'at+jwt' },
    { format: 'bitmap', typ: 'at+jwt' },
    { format: 'bitmap', typ: 'JWT' },
  ] as const) {
    await signet.update('polls', settings);
    const verifier = createVerifier({ ...options, typ: settings.typ });
    for (const username of ['alice', 'bob', 'root']) {
      const { token } = await signet.logIn(username);
      const user = await verifier.verify(token);
      const { results } = (await (await signet.hasPerm(token, names)).json()) as { results: Record<string, boolean> };
      t.same(
        Object.fromEntries(names.map((name) => [name, user.hasPerm(name)])),
        results,
        `${username}, ${settings.format}, ${settings.typ}`,
      );
      t.equal(user.username, username);
    }
    verifier.close();
  }
});

await t.test('a token for another API of the same Signet is refused', async (t) => {
  const verifier = createVerifier(options);
  const { token } = await signet.logIn('alice', 'shop');
  t.equal(await codeOf(verifier.verify(token)), 'audience_wrong');
  verifier.close();
});

await t.test("docs/freshness.md: the kit hears of Signet's own changes by its own lists", async (t) => {
  await signet.update('polls', { format: 'list', typ: 'at+jwt' });
  await signet.refresh();
  const verifier = createVerifier({ ...options, status: 'required' });
  const { token, cookie } = await signet.logIn('bob');
  const demand = { perms: 'polls.add_choice' };
  const admitted = (bearer: string) => codeOf(verifier.admit(`Bearer ${bearer}`, demand));
  t.equal(await admitted(token), 'permission_denied', 'he holds nothing');

  await signet.permit('bob', 'polls.add_choice', true);
  await until(async () => (await admitted(token)) !== 'permission_denied');
  t.equal(await codeOf(verifier.verify(token)), 'nothing was refused', '3: it stays good for what it says');
  const refused = await verifier.admit(`Bearer ${token}`, demand).catch((error) => error);
  t.match(refused.headers['www-authenticate'], /action="refresh"/, 'and a refresh gives more');
  const more = await signet.again(cookie);
  t.equal(await admitted(more), 'nothing was refused');

  await signet.permit('bob', 'polls.add_choice', false);
  await until(async () => (await codeOf(verifier.verify(more))) !== 'nothing was refused');
  t.equal(await codeOf(verifier.verify(more)), 'token_suspended', '2: what it says was taken away');
  const less = await signet.again(cookie);
  t.equal(await admitted(less), 'permission_denied', 'nobody logged in because of it');

  t.equal(await signet.logOut(cookie), 204);
  await signet.refresh();
  await until(async () => (await codeOf(verifier.verify(less))) !== 'nothing was refused');
  t.equal(await codeOf(verifier.verify(less)), 'token_revoked', '1: log in again');
  verifier.close();
});
