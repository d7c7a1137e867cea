import { openTestEmbedded } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { flow } from './player.ts';
import { PLANS, type Suite, startSuite } from './suite.ts';

// The modules of the Basic and of the Form Post Basic plan that are about claims, in words of our own.

/** OIDC Core §5.4: what the suite looks for by the scope `profile`. */
const PROFILE = [
  ...['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
  ...['website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
];

async function byScope(t: Test, suite: Suite) {
  const offered = suite.document['scopes_supported'] as string[];

  await t.test(
    'oidcc-scope-profile, OIDC Core §5.4: what is known of the user comes at userinfo; a warning for the rest',
    async (t) => {
      const { about, claims } = await flow(t, suite, { scope: 'openid profile' });
      const known = { name: 'Alice Lind', given_name: 'Alice', family_name: 'Lind', preferred_username: 'alice' };
      t.same(about, { sub: claims.sub, ...known });
      const supported = suite.document['claims_supported'] as string[];
      for (const name of PROFILE)
        t.equal(supported.includes(name), name in about, `${name} is offered where it can come`);
    },
  );

  for (const [module, scope] of [
    ['oidcc-scope-email', 'openid email'],
    ['oidcc-alternate-happy-flow', 'email openid'],
  ] as const)
    await t.test(`${module}, OIDC Core §5.4, RFC 6749 §3.3: the address at userinfo, in either order`, async (t) => {
      const { about, claims } = await flow(t, suite, { scope });
      t.same(about, { sub: claims.sub, email: 'alice@example.com', email_verified: false });
      t.notOk('name' in claims);
      // Not forbidden, and the suite warns of it: @auth/express and @hono/oidc-auth read the ID token alone (docs/conformance.md).
      t.equal(claims['email'], 'alice@example.com');
    });

  for (const [module, scope] of [
    ['oidcc-scope-address', 'address'],
    ['oidcc-scope-phone', 'phone'],
    ['oidcc-scope-all', 'email phone address profile'],
  ] as const)
    await t.test(`${module}, OIDC Core §3.1.2.1, §5.4: skipped, because it is not offered, and dropped`, async (t) => {
      t.notOk(
        scope.split(' ').every((one) => offered.includes(one)),
        'that is how the suite knows',
      );
      const { tokens, about } = await flow(t, suite, { scope: `openid ${scope}` });
      t.notMatch(tokens.scope, /address|phone/, 'RFC 6749 §3.3: the answer says what was granted');
      for (const name of ['address', 'phone_number', 'phone_number_verified']) t.notOk(name in about, name);
    });
}

async function byName(t: Test, suite: Suite) {
  await t.test(
    'oidcc-claims-essential, OIDC Core §5.5.1: an essential name comes at userinfo, and there alone',
    async (t) => {
      t.equal(suite.document['claims_parameter_supported'], true);
      const { about, claims } = await flow(t, suite, {
        claims: JSON.stringify({ userinfo: { name: { essential: true } } }),
      });
      t.same(about, { sub: claims.sub, name: 'Alice Lind' });
      t.notOk('name' in claims);
    },
  );

  await t.test('OIDC Core §5.5.1: what is essential and not known is no error', async (t) => {
    const claims = JSON.stringify({ userinfo: { website: { essential: true } }, id_token: { birthdate: null } });
    const { about, claims: idToken } = await flow(t, suite, { claims });
    t.same([Object.keys(about), 'birthdate' in idToken], [['sub'], false]);
  });
}

for (const [plan, mode] of PLANS)
  t.test(`oidcc-${plan}-certification-test-plan: claims`, async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const suite = await startSuite(db, mode);
    await byScope(t, suite);
    await byName(t, suite);
  });
