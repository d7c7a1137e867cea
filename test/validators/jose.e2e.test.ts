import { createRemoteJWKSet, jwtVerify } from 'jose';
import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';
import { attempt, holds } from './forgeries.ts';

const signet = await startListening(t);
const keys = createRemoteJWKSet(new URL(signet.jwksUri));
const rules = { issuer: signet.issuer, audience: 'polls', algorithms: ['RS256'] };

await t.test('jose', (t) =>
  holds(t, signet, (token) => attempt(async () => (await jwtVerify(token, keys, { ...rules, typ: 'at+jwt' })).payload)),
);

await t.test(
  'RFC 8725 §3.11: jose told to take at+jwt alone refuses the typ JWT, and the other way round',
  async (t) => {
    const { token } = await signet.logIn('alice');
    await t.rejects(jwtVerify(token, keys, { ...rules, typ: 'JWT' }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
    await signet.update('polls', { typ: 'JWT' });
    const switched = await signet.logIn('alice');
    await t.resolves(jwtVerify(switched.token, keys, { ...rules, typ: 'JWT' }));
    await t.rejects(jwtVerify(switched.token, keys, { ...rules, typ: 'at+jwt' }), {
      code: 'ERR_JWT_CLAIM_VALIDATION_FAILED',
    });
  },
);
