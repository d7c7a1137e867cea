import { createClient } from '../../src/oauth/index.ts';
import { createApi } from '../../src/permissions/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { createTestPostgresql, model, postgresqlUrl } from '../support/database.ts';
import { audit, makeUser, startApp } from '../support/server.ts';
import t from '../support/tap.ts';

const PASSWORD = 'a long enough phrase';

// The database is really gone: it is dropped under the running service.

t.test(
  'R1, I1: an outage is 503 with Retry-After, and never looks like an inactive token or a refusal',
  { skip: postgresqlUrl === undefined && 'DATABASE_URL is not set' },
  async (t) => {
    const { url, drop } = await createTestPostgresql();
    const db = await openPostgresql(url, 4, model);
    t.teardown(() => db.close());
    const { app, passwords } = await startApp(db);
    await makeUser(db, passwords, 'alice', PASSWORD);
    const polls = await createApi(db.fork(), audit(), 'polls');
    const { client, secret } = await createClient(db.fork(), audit(), {
      name: 'Worker',
      preset: 'service',
      requests: [polls],
      serves: [polls],
    });
    const authorization = `Basic ${Buffer.from(`${client.clientId}:${secret}`).toString('base64')}`;
    const post = (path: string, form: Record<string, string>) =>
      app.inject({
        method: 'POST',
        url: `/oauth2/${path}`,
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams(form).toString(),
      });
    const login = () =>
      app.inject({ method: 'POST', url: '/api/v1/login', payload: { username: 'alice', password: PASSWORD } });
    const token = (await post('token', { grant_type: 'client_credentials' })).json().access_token;
    const cookie = (await login()).cookies[0] as { name: string; value: string };
    t.equal((await post('introspect', { token })).json().active, true);
    const withAudience = { username: 'alice', password: PASSWORD, audience: 'polls', scope: 'openid profile' };
    const own = await app.inject({ method: 'POST', url: '/api/v1/login', payload: withAudience });
    const headers = { authorization: `Bearer ${own.json().access_token}` };
    const about = () => app.inject({ url: '/oauth2/userinfo', headers });
    t.equal((await about()).statusCode, 200);

    await drop();
    for (const [what, answer] of [
      ['introspect', await post('introspect', { token })],
      ['introspect nonsense', await post('introspect', { token: 'x' })],
      ['revoke', await post('revoke', { token })],
      ['userinfo', await about()],
      ['token', await post('token', { grant_type: 'client_credentials' })],
    ] as const) {
      t.same([answer.statusCode, answer.json().error], [503, 'temporarily_unavailable'], what);
      t.ok(Number(answer.headers['retry-after']) >= 1, `${what}: Retry-After`);
      t.notOk('active' in answer.json(), `${what}: RFC 7662 §2.2: an outage is no inactive token`);
    }
    for (const [what, answer] of [
      [
        'has_perm',
        await app.inject({
          method: 'POST',
          url: '/api/v1/has_perm',
          headers: { authorization: `Bearer ${token}` },
          payload: { perms: [] },
        }),
      ],
      ['session', await app.inject({ url: '/api/v1/session', cookies: { [cookie.name]: cookie.value } })],
      ['login', await login()],
      ['ready', await app.inject('/health/ready')],
    ] as const) {
      t.same([answer.statusCode, answer.json().code], [503, 'unavailable'], what);
      t.ok(Number(answer.headers['retry-after']) >= 1, `${what}: Retry-After`);
    }
    for (const path of ['/health/live', '/.well-known/jwks.json', '/.well-known/oauth-authorization-server'])
      t.equal((await app.inject(path)).statusCode, 200, `${path} needs no database`);
  },
);
