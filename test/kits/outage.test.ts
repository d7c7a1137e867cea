import { createVerifier } from '../../kits/node/src/index.ts';
import t from '../support/tap.ts';
import { type Answer, codeOf, startIssuer } from './issuer.ts';

const down: Answer = (_, response) => response.writeHead(503).end();
const JWKS = '/.well-known/jwks.json';

await t.test(
  'K3: keys are kept through an outage for maxKeyAgeSeconds, a day unless told, and no longer',
  async (t) => {
    for (const [maxKeyAgeSeconds, ageSeconds] of [
      [undefined, 86_400],
      [100, 100],
    ] as const) {
      const stand = await startIssuer(t);
      const clock = { ageMs: 0, now: () => Date.now(), elapsed: () => performance.now() + clock.ageMs };
      const verifier = stand.verifier({ clock, ...(maxKeyAgeSeconds ? { maxKeyAgeSeconds } : {}) });
      await verifier.verify(stand.token());
      const answer = stand.answers.get(JWKS) as Answer;
      stand.answers.set(JWKS, down);
      clock.ageMs = ageSeconds * 1000 - 5_000;
      t.equal((await verifier.verify(stand.token())).id, 'user-1');
      clock.ageMs += 6_000;
      t.equal(await codeOf(verifier.verify(stand.token())), 'keys_unavailable');
      clock.ageMs += 20_000;
      const unknown = await verifier.verify(stand.token({}, 'k1')).catch((error) => error);
      t.match(unknown, { code: 'keys_unavailable', status: 503 });
      stand.answers.set(JWKS, answer);
      clock.ageMs += 20_000;
      t.equal((await verifier.verify(stand.token())).id, 'user-1', 'the issuer is back');
    }
    const good = { issuer: 'https://id.example', audience: 'polls' };
    t.throws(() => createVerifier({ ...good, maxKeyAgeSeconds: 0 }), TypeError);
  },
);

await t.test('RFC 6749 §3.3: introspection does not widen a token that says its permissions by scope', async (t) => {
  const stand = await startIssuer(t);
  stand.answers.set('/status-lists/1', down);
  const who = { active: true, iss: stand.issuer, aud: 'polls', sub: 'user-1' };
  const now = ['polls.add_choice', 'polls.view_choice'];
  const introspection = { clientId: 'c_1', clientSecret: 'secret' };
  const held = async (jti: string, claims: object, answer: object = {}) => {
    stand.answers.set('/oauth2/introspect', stand.json({ ...who, jti, permissions: now, ...answer }));
    return stand.verifier({ introspection }).verify(stand.withStatus(1, { jti, ...claims }));
  };
  const byScope = await held('a', { permissions: undefined, scope: 'openid polls.view_choice polls.change_choice' });
  t.same(byScope.getAllPermissions(), ['polls.view_choice'], 'what both say');
  t.same((await held('b', { permissions: undefined })).getAllPermissions(), [], 'format none says nothing');
  const listed = await held('c', { permissions: ['polls.add_choice'], scope: 'openid' });
  t.same(listed.getAllPermissions(), now, 'a token that lists them: as of now');
  const root = await held('d', { permissions: undefined, is_superuser: false }, { is_superuser: true });
  t.equal(root.isSuperuser, true, 'the flag as of now');
  const former = await held('e', { permissions: undefined, is_superuser: true }, { is_superuser: false });
  t.equal(former.hasPerm('polls.add_choice'), false);
});
