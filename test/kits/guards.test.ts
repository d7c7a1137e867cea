import { request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
// @ts-expect-error Express brings no types.
import express from 'express';
import fastify from 'fastify';
import { guard as guardExpress, userOf } from '../../kits/node/src/express.ts';
import { guard as guardFastify } from '../../kits/node/src/fastify.ts';
import { type Demand, VerifierError } from '../../kits/node/src/index.ts';
import t, { type Test } from '../support/tap.ts';
import { type Answer, startIssuer } from './issuer.ts';

type Stand = Awaited<ReturnType<typeof startIssuer>>;

const routes: Record<string, Demand> = {
  '/open': {},
  '/add': { perms: 'polls.add_choice' },
  '/both': { perms: ['polls.add_choice', 'polls.publish "it"', 'polls.view_choice'] },
  '/createLru': { maxAgeSeconds: 300 },
  '/strong': { perms: 'polls.add_choice', acrValues: ['phr', 'phrh'], maxAgeSeconds: 60 },
};

async function serveFastify(t: Test, stand: Stand): Promise<string> {
  const verifier = stand.verifier();
  const app = fastify();
  for (const [path, demand] of Object.entries(routes))
    app.get(path, { preHandler: guardFastify(verifier, demand) }, async (request) => ({ id: userOf(request).id }));
  app.get('/unguarded', async (request) => ({ id: userOf(request).id }));
  t.teardown(() => app.close());
  return app.listen({ port: 0, host: '127.0.0.1' });
}

async function serveExpress(t: Test, stand: Stand): Promise<string> {
  const verifier = stand.verifier();
  const app = express();
  for (const [path, demand] of Object.entries(routes))
    app.get(path, guardExpress(verifier, demand), (request: object, response: { json(body: unknown): void }) =>
      response.json({ id: userOf(request).id }),
    );
  app.get('/unguarded', (request: object, response: { json(body: unknown): void }) =>
    response.json({ id: userOf(request).id }),
  );
  app.use((_error: unknown, _request: unknown, response: import('node:http').ServerResponse, _next: unknown) =>
    response.writeHead(500).end('{}'),
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** With the header as often as it is given. */
function get(url: string, ...authorization: string[]) {
  return new Promise<{ status: number; challenge: string | undefined; body: Record<string, unknown>; retry: unknown }>(
    (resolve, reject) => {
      const request = ask(url, { agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            challenge: response.headers['www-authenticate'],
            body: JSON.parse(text),
            retry: response.headers['retry-after'],
          }),
        );
      });
      request.on('error', reject);
      if (authorization.length > 0) request.setHeader('authorization', authorization);
      request.end();
    },
  );
}

for (const [framework, serve] of Object.entries({ Fastify: serveFastify, Express: serveExpress }))
  await t.test(framework, async (t) => {
    const stand = await startIssuer(t);
    const base = await serve(t, stand);
    const bearer = (claims: object = {}) => `Bearer ${stand.token(claims)}`;
    const seconds = Math.floor(Date.now() / 1000);

    await t.test('who meets the demand reaches the handler, which knows them', async (t) => {
      for (const path of ['/open', '/add'])
        t.match(await get(base + path, bearer()), { status: 200, body: { id: 'user-1' } });
      t.match(await get(`${base}/open`, bearer().replace('Bearer', 'bEaReR')), { status: 200 }, 'RFC 9110 §11.1');
      t.match(await get(`${base}/both`, bearer({ is_superuser: true })), { status: 200 });
      t.match(await get(`${base}/createLru`, bearer({ auth_time: seconds - 100 })), { status: 200 });
      t.match(await get(`${base}/strong`, bearer({ auth_time: seconds - 10, acr: 'phr' })), { status: 200 });
      t.match(await get(`${base}/unguarded`, bearer()), { status: 500 }, 'a route that was not guarded has no user');
    });

    await t.test('B1: no credentials, other credentials, a token in the query', async (t) => {
      for (const [path, ...headers] of [
        ['/open'],
        ['/open', 'Basic YTpi'],
        ['/open', ''],
        ['/open', 'Bearers x'],
        [`/open?access_token=${stand.token()}`],
      ] as [string, ...string[]][])
        t.match(await get(base + path, ...headers), {
          status: 401,
          challenge: /^Bearer$/,
          body: { code: 'token_missing' },
        });
      t.match(await get(`${base}/open`, bearer(), bearer()), {
        status: 400,
        challenge: /^Bearer error="invalid_request", error_description="[^"]+"$/,
        body: { code: 'token_repeated' },
      });
    });

    await t.test('B1: a token that is not good', async (t) => {
      for (const header of ['Bearer', 'Bearer a b', 'Bearer x', `Bearer ${'.'.repeat(5000)}`])
        t.match(await get(`${base}/open`, header), {
          status: 401,
          challenge: /^Bearer error="invalid_token", error_description="The token is malformed"$/,
          body: { title: 'The token is malformed', status: 401, code: 'token_malformed' },
        });
      t.match(await get(`${base}/open`, bearer({ iat: 1, exp: 2 })), {
        status: 401,
        challenge: /^Bearer error="invalid_token", error_description="The token has expired", action="refresh"$/,
      });
    });

    await t.test(
      'status 1 asks for a login, 2 for a refresh, 3 for a refresh only where a permission is missing',
      async (t) => {
        for (const [idx, status] of [1, 2, 3].entries()) stand.setStatus(idx + 1, status);
        const one = await get(`${base}/add`, `Bearer ${stand.withStatus(1)}`);
        t.match(one, {
          status: 401,
          challenge: /error="invalid_token".*, action="login"$/,
          body: { code: 'token_revoked' },
        });
        const two = await get(`${base}/add`, `Bearer ${stand.withStatus(2)}`);
        t.match(two, {
          status: 401,
          challenge: /error="invalid_token".*, action="refresh"$/,
          body: { code: 'token_suspended' },
        });
        const three = `Bearer ${stand.withStatus(3)}`;
        t.match(await get(`${base}/add`, three), { status: 200 });
        t.match(await get(`${base}/both`, three), {
          status: 401,
          challenge: /^Bearer error="invalid_token", error_description="[^"]+", action="refresh"$/,
          body: { code: 'permission_superseded' },
        });
      },
    );

    await t.test('RFC 6750 §3.1: plainly lacking is 403 and names what a scope can name', async (t) => {
      t.match(await get(`${base}/both`, bearer()), {
        status: 403,
        challenge:
          /^Bearer error="insufficient_scope", error_description="A permission is missing", scope="polls.view_choice"$/,
        body: { code: 'permission_denied' },
      });
      t.match(await get(`${base}/strong`, bearer({ permissions: [] })), { status: 403 }, 'before a login is asked for');
    });

    await t.test('B2, RFC 9470: a login that is too old, too weak or unknown', async (t) => {
      for (const claims of [{}, { auth_time: seconds - 302 }])
        t.match(await get(`${base}/createLru`, bearer(claims)), {
          status: 401,
          challenge:
            /^Bearer error="insufficient_user_authentication", error_description="[^"]+", max_age="300", action="login"$/,
        });
      for (const claims of [
        { auth_time: seconds },
        { auth_time: seconds, acr: 'pwd' },
        { auth_time: seconds - 70, acr: 'phr' },
      ])
        t.match(await get(`${base}/strong`, bearer(claims)), {
          status: 401,
          challenge: /acr_values="phr phrh", max_age="60", action="login"$/,
          body: { code: 'authentication_insufficient' },
        });
    });

    await t.test('an outage is 503 with Retry-After, and says nothing about the token', async (t) => {
      const jwks = stand.answers.get('/.well-known/jwks.json') as Answer;
      stand.answers.set('/.well-known/jwks.json', (_, response) => response.writeHead(500).end());
      const other = await serve(t, stand);
      const answer = await get(`${other}/open`, bearer());
      t.match(answer, { status: 503, retry: '1', body: { code: 'keys_unavailable' } });
      t.equal(answer.challenge, undefined);
      stand.answers.set('/.well-known/jwks.json', jwks);
    });
  });

await t.test('what is no refusal is thrown on, not answered', async (t) => {
  const verifier = { admit: () => Promise.reject(new Error('a bug')) };
  const passed = new Promise((resolve) => {
    void guardExpress(verifier)({ headers: {} }, { writeHead: () => t.fail('answered') as never }, resolve);
  });
  t.match(await passed, { message: 'a bug' });
  const reply = { code: () => reply, headers: () => reply, send: () => t.fail('answered') };
  await t.rejects(guardFastify(verifier)({ raw: { headers: {} } }, reply), { message: 'a bug' });
  t.notOk(new Error('x') instanceof VerifierError);
});
