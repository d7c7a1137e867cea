import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openapiDocument } from '../../src/platform/http/index.ts';
import { safeReturnTo } from '../../src/web/return-to.ts';
import { openTestEmbedded } from '../support/database.ts';
import { startApp } from '../support/server.ts';
import t from '../support/tap.ts';

// deploy/README.md, "Below a path": an issuer with a path is served below it and at Signet's own paths, by the same guards.

const ISSUER = 'https://id.example/auth';
const db = await openTestEmbedded();
t.teardown(() => db.close());
const start = (issuer: string) => startApp(db, { mode: 'production', environment: { SIGNET_ISSUER: issuer } });

t.test(
  'attacks: one path in two spellings (Oathkeeper CVE-2026-33494): every route answers below the path as it does without',
  async (t) => {
    const { app } = await start(ISSUER);
    t.teardown(() => app.close());
    const headers = { origin: 'https://evil.example', host: 'id.example' };
    let count = 0;
    for (const [pattern, operations] of Object.entries(openapiDocument(app).paths)) {
      const path = pattern.replace(/\{\w+\}/g, '1');
      // A stream does not end.
      if (path.endsWith('/events')) continue;
      for (const method of [...Object.keys(operations), 'options', 'delete', 'put'] as ('get' | 'post')[]) {
        const [plain, below] = [
          await app.inject({ method, url: path, headers }),
          await app.inject({ method, url: `/auth${path}`, headers }),
        ];
        const policy = ({ statusCode, headers: got, body }: typeof plain) => [
          statusCode,
          ...[
            'allow',
            'cache-control',
            'content-security-policy',
            'content-type',
            'location',
            'vary',
            'x-frame-options',
          ].map((name) => got[name]),
          ...Object.entries(got).filter(([name]) => name.startsWith('access-control-')),
          (/"code":"(\w+)"/.exec(body) ?? [])[1],
        ];
        t.same(policy(below), policy(plain), `${method} ${path} ${plain.statusCode}`);
        count++;
      }
    }
    t.ok(count > 150, String(count));
    const crossed = await app.inject({ method: 'POST', url: '/auth/api/v1/logout', headers });
    t.match(crossed.json(), { code: 'cross_origin' });
  },
);

t.test(
  'attacks: one path in two spellings; RFC 9112 §3.2.2: the issuer’s path is taken off once, byte for byte, of a whole address too',
  async (t) => {
    const { app } = await start(ISSUER);
    await app.listen({ host: '127.0.0.1', port: 0 });
    t.teardown(() => app.close());
    const { port } = app.server.address() as AddressInfo;
    const ask = (path: string) =>
      new Promise<number>((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode as number);
        })
          .once('error', reject)
          .end();
      });
    for (const path of [
      '/auth/login',
      '/login',
      '/auth',
      '/auth/',
      '/',
      'https://id.example/auth/login',
      '/auth/login?next=/',
    ])
      t.equal(await ask(path), 200, path);
    for (const path of [
      '/auth/../login',
      '/auth/./login',
      '/./auth/login',
      '/x/../auth/login',
      '//auth/login',
      '/auth//login',
      '//login',
      '/%61uth/login',
      '/auth%2flogin',
      '/auth%2Flogin',
      '/AUTH/login',
      '/authlogin',
      '/auth/auth/login',
      '/auth;x/login',
      '/auth/login;x',
      '/auth\\login',
      '/auth/login/',
      '/auth.login',
      'https://id.example/authlogin',
    ])
      t.equal(await ask(path), 404, path);
  },
);

t.test(
  'deploy/README.md, Below a path: an issuer whose path is Signet’s own is refused before anything is served',
  async (t) => {
    for (const path of [
      '/oauth2',
      '/api',
      '/api/v1',
      '/login',
      '/.well-known',
      '/status-lists/5',
      '/interaction/x',
      '/account',
      '/admin/x',
    ])
      await t.rejects(start(`https://id.example${path}`), { code: 'issuer_path_reserved', params: { path } }, path);
    for (const path of ['/auth', '/api/auth', '/a/b', '/logins']) {
      const { app } = await start(`https://id.example${path}`);
      t.equal((await app.inject(`${path}/login`)).statusCode, 200, path);
      await app.close();
    }
  },
);

t.test('docs/oauth.md: `next` leads below the issuer, whether it names the path or not', async (t) => {
  for (const [given, next] of [
    ['/interaction/x', '/interaction/x'],
    ['/auth/interaction/x', '/interaction/x'],
    ['/auth', '/'],
    ['/auth?x=1', '/?x=1'],
    ['/authx', '/authx'],
    ['/auth/auth/x', '/auth/x'],
    ['//evil.example', '/'],
    ['/auth//evil.example', '/'],
    ['/auth/\\evil.example', '/'],
    [undefined, '/'],
  ] as const)
    t.equal(safeReturnTo(given, ISSUER), next, String(given));
  t.equal(safeReturnTo('/auth/x', 'https://id.example'), '/auth/x');
});
