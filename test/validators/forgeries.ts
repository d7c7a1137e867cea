import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Test } from 'tap';
import { signAccessToken } from '../../src/tokens/index.ts';
import type { Listening } from '../support/listening.ts';
import { testRights } from '../support/rights.ts';

export type Claims = Record<string, unknown>;

/** What a stock library made of a token. */
export type Verdict = { readonly claims: Claims } | { readonly refused: string };
export type Verify = (token: string) => Promise<Verdict>;

/** A library as it is meant to be used: for the API `polls` of this issuer, with keys from the JWKS URL alone. */
export async function attempt(verify: () => Promise<Claims>): Promise<Verdict> {
  try {
    return { claims: await verify() };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { refused: [code, message].filter(Boolean).join(': ') };
  }
}

interface Forgery {
  readonly rule: string;
  readonly token: string;
  /** Good for somebody else: Signet itself takes it, for what it is. */
  readonly isGenuine?: true;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims;

export async function forgeries(signet: Listening): Promise<Forgery[]> {
  const { token } = await signet.logIn('bob');
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const head = decode(header);
  const key = signet.keys.signer('RS256');
  const wanted = encode({ ...decode(payload), is_superuser: true, permissions: ['polls.add_choice'] });

  const bytes = Buffer.from(signature, 'base64url');
  bytes[100] = (bytes[100] as number) ^ 1;

  const hmac = (secret: string | Buffer) => {
    const signed = `${encode({ ...head, alg: 'HS256' })}.${wanted}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' });

  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const byOwnKey = (more: Claims) => {
    const signed = `${encode({ ...head, ...more })}.${wanted}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), own.privateKey as KeyObject).toString('base64url')}`;
  };
  const jwk = own.publicKey.export({ format: 'jwk' });

  await signet.update('polls', { ttlSeconds: 60 });
  signet.clock.secondsBack = 120;
  const expired = await signet.logIn('alice');
  signet.clock.secondsBack = 0;
  await signet.update('polls', { ttlSeconds: 600 });

  return [
    { rule: 'RFC 7519 §4.1.4: a token of 60 seconds that ended a minute ago', token: expired.token },
    {
      rule: 'RFC 7519 §4.1.3: a token for another audience',
      token: (await signet.logIn('alice', 'shop')).token,
      isGenuine: true,
    },
    { rule: 'RFC 7519 §4.1.1: a token of another issuer by the same key', token: ofAnotherIssuer(signet) },
    { rule: 'RFC 7515 §5.2: a payload changed after signing', token: `${header}.${wanted}.${signature}` },
    {
      rule: 'RFC 7515 §5.2: a signature with one bit changed',
      token: `${header}.${payload}.${bytes.toString('base64url')}`,
    },
    { rule: 'RFC 7515 §5.2: no signature', token: `${header}.${payload}.` },
    { rule: 'RFC 8725 §2.1: alg none', token: `${encode({ ...head, alg: 'none' })}.${wanted}.` },
    {
      rule: 'RFC 8725 §2.1: alg nOnE with the old signature',
      token: `${encode({ ...head, alg: 'nOnE' })}.${wanted}.${signature}`,
    },
    { rule: 'RFC 8725 §2.1: HS256 with the public key in PEM as its secret', token: hmac(pem) },
    {
      rule: 'RFC 8725 §2.1: HS256 with the public key in DER as its secret',
      token: hmac(key.publicKey.export({ type: 'spki', format: 'der' })),
    },
    { rule: 'RFC 8725 §3.1: a key of its own in the jwk header, under our kid', token: byOwnKey({ jwk }) },
    {
      rule: 'RFC 8725 §3.1: a key of its own in the jwk header, under a kid of its own',
      token: byOwnKey({ jwk: { ...jwk, kid: 'mine' }, kid: 'mine' }),
    },
  ];
}

function ofAnotherIssuer(signet: Listening): string {
  return signAccessToken(
    signet.keys,
    {
      issuer: 'https://id.example.test',
      api: {
        audience: 'polls',
        isBuiltin: false,
        typ: 'at+jwt',
        alg: 'RS256',
        tokenKind: 'jwt',
        format: 'list',
        overBudget: 'fail',
        ttlSeconds: 600,
        budgetBytes: 4096,
        withUsername: true,
        withSourceId: false,
      },
      clientId: 'signet',
      subject: { id: '00000000-0000-7000-8000-000000000000', username: 'mallory', isStaff: true },
      rights: testRights(['polls.add_choice'], { isSuperuser: true }),
      session: null,
      scope: undefined,
    },
    signet.clock.now(),
  ).token;
}

/** What is asked of every library: it takes what Signet issued with nothing lost, and refuses everything else. */
export async function holds(t: Test, signet: Listening, verify: Verify): Promise<void> {
  await t.test('RFC 9068 §4: it accepts the token that a login gave, claims and permissions included', async (t) => {
    const { token } = await signet.logIn('alice');
    const verdict = await verify(token);
    t.match(verdict, {
      claims: {
        iss: signet.issuer,
        aud: 'polls',
        client_id: 'signet',
        username: 'alice',
        is_superuser: false,
        permissions: ['polls.add_choice', 'polls.view_choice'],
      },
    });
    t.same('claims' in verdict && verdict.claims, decode(token.split('.')[1] as string), 'exactly as they were signed');
    t.same(decode(token.split('.')[0] as string)['typ'], 'at+jwt');
  });

  const { token: good } = await signet.logIn('alice');
  for (const { rule, token } of await forgeries(signet))
    await t.test(`${rule} is refused`, async (t) => {
      const verdict = await verify(token);
      t.match(verdict, { refused: /./ });
      t.comment('refused' in verdict ? verdict.refused : '');
      t.match(await verify(good), { claims: { username: 'alice' } }, 'a good one is still taken');
    });
}
