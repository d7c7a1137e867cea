import type { Database } from '../../src/platform/database/index.ts';
import { rotateKeys } from '../../src/tokens/index.ts';
import { onEachEngine } from '../support/database.ts';
import { jwtHeader } from '../support/flows.ts';
import { masterKey } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

t.test('keys of another process', (t) =>
  onEachEngine(t, async (t, db) => {
    let forks = 0;
    const fork = () => {
      forks += 1;
      return db.fork();
    };
    const counted: Database = { ...db, fork };
    const first = await openWorld(counted);
    const polls = await first.api('polls', { models: ['polls.choice'] });
    const worker = await first.client('Worker', { requests: [polls], serves: [polls] });
    await rotateKeys(db.fork(), first.at(), masterKey, { leadSeconds: 0, isNow: true });
    const second = await openWorld(db);
    const post = ({ http }: typeof second, endpoint: string, fields: Record<string, string>) =>
      http.oauth(endpoint, fields, worker);
    const { access_token: token } = (await post(second, 'token', { grant_type: 'client_credentials' })).json();

    await t.test('RFC 7662 §2.2: a good token by a key that this process has not loaded is active', async (t) => {
      const kid = jwtHeader(token).kid;
      t.equal(first.keys.find(kid), undefined);
      t.equal((await post(first, 'introspect', { token })).json().active, true);
    });

    await t.test('K3: tokens that name unknown keys make no reading of keys each', async (t) => {
      const [, payload, signature] = token.split('.');
      const before = forks;
      for (let at = 0; at < 40; at++) {
        const kid = `${at}`.padStart(43, 'k');
        const head = Buffer.from(JSON.stringify({ typ: 'at+jwt', alg: 'RS256', kid })).toString('base64url');
        const answer = await post(first, 'introspect', { token: `${head}.${payload}.${signature}` });
        t.same(answer.json(), { active: false });
      }
      t.ok(forks - before <= 2, `${forks - before} readings`);
    });
  }),
);
