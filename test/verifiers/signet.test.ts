import t from 'tap';
import { createVerifier } from '../../verifiers/node/src/index.ts';
import { startListening } from '../support/listening.ts';
import { codeOf } from './issuer.ts';

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

await t.test('contract §5: every format is read as Signet answers has_perm', async (t) => {
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
