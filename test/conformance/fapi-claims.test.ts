import { clientKey } from '../support/client-keys.ts';
import { openTestEmbedded } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openFapiPlan } from './fapi-plan.ts';

// Two modules of fapi2-security-profile-final-test-plan in words of our own: what is asked for by name, and the key of a pushed request.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const s = await openFapiPlan(db);
t.teardown(() => s.app.close());
const { first } = s;

/** OIDC Core §5.1: what the module looks for among `claims_supported`. */
const IDENTITY = [
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
  ...['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
  ...['phone_number_verified', 'address', 'updated_at'],
];

t.test(
  'fapi2-security-profile-final-test-claims-parameter-identity-claims: OIDC Core §5.5: every claim that is offered comes where it is asked for by name, and unknown ones are ignored',
  async (t) => {
    const offered = (s.document['claims_supported'] as string[]).filter((name) => IDENTITY.includes(name));
    t.ok(offered.length >= 6, offered.join(' '));
    const forms = [null, {}, { essential: true }, { essential: false }];
    const asked = Object.fromEntries(offered.map((name, at) => [name, forms[at % forms.length]]));
    const unknown = { 'https://example.com/unknown': null, nonsense: { essential: true }, other: { value: 'x' } };
    const claims = JSON.stringify({ userinfo: { ...asked, ...unknown }, id_token: { ...unknown, ...asked } });
    const key = await clientKey();
    const answer = await s.redeem(first, await s.code(first, { claims }), { dpop: key });
    t.equal(answer.statusCode, 200, answer.body);
    const { id_token: idToken, access_token: token } = answer.json();
    const about = (await s.userinfo(token, key)).json();
    for (const name of offered) {
      t.ok(name in about, `${name} at userinfo`);
      t.same(jwtClaims(idToken)[name], about[name], `${name} in the ID token`);
    }
    for (const name of Object.keys(unknown)) t.notOk(name in about || name in jwtClaims(idToken), name);
  },
);

t.test(
  'fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt: RFC 9449 §10.1: a code of a request that was pushed with a proof is for that key alone',
  async (t) => {
    const [key, other] = await Promise.all([clientKey(), clientKey()]);
    const code = await s.code(first, {}, { dpop: key });
    const answer = await s.redeem(first, code, { dpop: other });
    t.equal(answer.statusCode, 400);
    t.ok(['invalid_grant', 'invalid_request', 'invalid_dpop_proof'].includes(answer.json().error), answer.body);
    t.notOk(answer.json().access_token);
  },
);
