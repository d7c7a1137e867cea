import { createVerifier } from 'fast-jwt';
import buildGetJwks from 'get-jwks';
import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';
import { attempt, type Claims, holds } from './forgeries.ts';

const signet = await startListening(t);
const jwks = buildGetJwks({ issuersWhitelist: [signet.issuer] });
const verifier = (checkTyp: string) =>
  createVerifier({
    // One algorithm, not the header's: what asks for another is for fast-jwt to refuse.
    key: ({ header }: { header: { kid?: string } }) =>
      jwks.getPublicKey({ kid: header.kid, alg: 'RS256', domain: signet.issuer }),
    algorithms: ['RS256'],
    allowedIss: signet.issuer,
    allowedAud: 'polls',
    requiredClaims: ['iss', 'aud', 'exp', 'sub'],
    checkTyp,
  }) as (token: string) => Promise<Claims>;

const verify = verifier('at+jwt');
await t.test('fast-jwt with get-jwks', (t) => holds(t, signet, (token) => attempt(() => verify(token))));

await t.test('RFC 7519 §5.1: fast-jwt told to check for the typ JWT takes the token of an API set so', async (t) => {
  const verify = verifier('JWT');
  await t.rejects(verify((await signet.logIn('alice')).token), { code: 'FAST_JWT_INVALID_TYPE' });
  await signet.update('polls', { typ: 'JWT' });
  t.match(await verify((await signet.logIn('alice')).token), { username: 'alice' });
});
