import { createRequire } from 'node:module';
import jwksClient from 'jwks-rsa';
import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';
import { attempt, type Claims, holds } from './forgeries.ts';

// jsonwebtoken brings no types; this is what is used of it.
const require = createRequire(import.meta.url);
type Header = { readonly kid?: string; readonly typ?: string };
type KeySource = (header: Header, done: (error: Error | null, key?: string) => void) => void;
interface Jsonwebtoken {
  verify(
    token: string,
    key: KeySource,
    rules: { issuer: string; audience: string; algorithms: string[]; complete: true },
    done: (error: Error | null, verified?: { header: Header; payload: Claims }) => void,
  ): void;
}
const { verify } = require('jsonwebtoken') as Jsonwebtoken;

const signet = await startListening(t);
const client = jwksClient({ jwksUri: signet.jwksUri });
const keyOf: KeySource = (header, done) => {
  client.getSigningKey(header.kid).then((key) => done(null, key.getPublicKey()), done);
};

/** jsonwebtoken does not look at `typ` (RFC 9068 §4 asks for it), so its caller does. */
function verifyToken(token: string, typ = 'at+jwt'): Promise<Claims> {
  return new Promise((resolve, reject) => {
    const rules = { issuer: signet.issuer, audience: 'polls', algorithms: ['RS256'], complete: true as const };
    verify(token, keyOf, rules, (error, verified) => {
      if (error || !verified) return reject(error);
      return verified.header.typ === typ ? resolve(verified.payload) : reject(new Error('another typ'));
    });
  });
}

await t.test('jsonwebtoken with jwks-rsa', (t) => holds(t, signet, (token) => attempt(() => verifyToken(token))));

await t.test('RFC 7519 §5.1: with the typ JWT of its API it is an ordinary JWT to jsonwebtoken', async (t) => {
  await signet.update('polls', { typ: 'JWT' });
  const { token } = await signet.logIn('alice');
  t.match(await verifyToken(token, 'JWT'), { username: 'alice' });
  await t.rejects(verifyToken(token), { message: 'another typ' });
});
