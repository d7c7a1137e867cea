import type { IncomingMessage, Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { auth } from 'express-oauth2-jwt-bearer';
import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';
import { type Claims, holds, type Verdict } from './forgeries.ts';

// Express brings no types; this is what is used of it.
const require = createRequire(import.meta.url);
type Handler = (
  request: IncomingMessage & { auth?: { payload: Claims } },
  response: { json(value: unknown): void },
  next: (error?: unknown) => void,
) => void;
interface App {
  set(name: string, value: string): void;
  get(path: string, ...handlers: Handler[]): void;
  listen(port: number, host: string, done: () => void): Server;
}
const express = require('express') as () => App;

const signet = await startListening(t);
const rules = {
  issuer: signet.issuer,
  audience: 'polls',
  jwksUri: signet.jwksUri,
  tokenSigningAlg: 'RS256',
};
const app = express();
// So that it does not print every refusal.
app.set('env', 'test');
const answer: Handler = (request, response) => response.json(request.auth?.payload);
app.get('/strict', auth({ ...rules, strict: true }), answer);
app.get('/jwt', auth({ ...rules, validators: { typ: 'JWT' } }), answer);
const server = await new Promise<Server>((resolve) => {
  const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
});
t.teardown(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function verify(token: string, path = '/strict'): Promise<Verdict> {
  const response = await fetch(`${origin}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(20_000),
  });
  if (response.status === 200) return { claims: (await response.json()) as Claims };
  await response.text();
  if (response.status !== 401) throw new Error(`an answer of ${response.status}`);
  return { refused: response.headers.get('www-authenticate') ?? '' };
}

await t.test('express-oauth2-jwt-bearer in strict mode, which is RFC 9068', (t) => holds(t, signet, verify));

await t.test('RFC 6750 §3: without a token it is a bare challenge', async (t) => {
  const response = await fetch(`${origin}/strict`);
  await response.text();
  t.equal(response.status, 401);
  t.match(response.headers.get('www-authenticate'), /^Bearer(?!.*error)/);
});

await t.test('RFC 7519 §5.1: told to take the typ JWT, it takes the token of an API set so', async (t) => {
  t.match(await verify((await signet.logIn('alice')).token, '/jwt'), { refused: /typ/ });
  await signet.update('polls', { typ: 'JWT' });
  const { token } = await signet.logIn('alice');
  t.match(await verify(token, '/jwt'), { claims: { username: 'alice' } });
  t.match(await verify(token), { refused: /typ/ });
});
