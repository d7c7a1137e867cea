import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { createTestPostgresql, model, postgresqlUrl } from '../support/database.ts';
import { bearer, PASSWORD } from '../support/http.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

// The database is really gone: it is dropped under the running service.

t.test(
  'R1, I1: an outage is 503 with Retry-After, and never looks like an inactive token or a refusal',
  { skip: postgresqlUrl === undefined && 'DATABASE_URL is not set' },
  async (t) => {
    const { url, drop } = await createTestPostgresql();
    const db = await openPostgresql(url, 4, model);
    t.teardown(() => db.close());
    const { app, http, ...world } = await openWorld(db);
    await world.user('alice');
    const polls = await world.api('polls');
    const worker = await world.client('Worker', { requests: [polls], serves: [polls] });
    const post = (endpoint: string, fields: Record<string, string>) => http.oauth(endpoint, fields, worker);
    const login = () => http.json('/api/v1/login', { username: 'alice', password: PASSWORD });
    const token = (await post('token', { grant_type: 'client_credentials' })).json().access_token;
    const alice = await http.logIn('alice');
    t.equal((await post('introspect', { token })).json().active, true);
    const { token: own } = await http.logIn('alice', { audience: 'polls', scope: 'openid profile' });
    const about = () => http.get('/oauth2/userinfo', bearer(own));
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
      ['has_perm', await http.hasPerm(token)],
      ['session', await http.as(alice).get('/api/v1/session')],
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
