import t from 'tap';
import { hashPoolOf, passwordsOf } from '../../src/app.ts';
import { readConfig } from '../../src/platform/config/index.ts';
import { systemClock } from '../../src/platform/time.ts';
import { openTestEmbedded } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { startApp } from '../support/server.ts';

// attacks 103: a login storm. Not how fast, but how many: hashes that wait, answers that others get meanwhile.

const LOGINS = 500;
const QUEUE = 16;

t.test(
  'attacks 103: 500 simultaneous logins: a bounded queue, 503 with Retry-After, everybody else is served',
  async (t) => {
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    const environment = {
      SIGNET_ISSUER: issuer,
      SIGNET_HASH_QUEUE: String(QUEUE),
      SIGNET_HASH_WIDTH: '1',
      SIGNET_ARGON2_MEMORY: '7168',
      SIGNET_THROTTLE_NETWORK: '100000',
      SIGNET_REFUSAL_MS: '0',
    };
    const pool = hashPoolOf(readConfig('development', environment), 2);
    const passwords = await passwordsOf(readConfig('development', environment), 2, pool);
    const db = await openTestEmbedded();
    const { app } = await startApp(db, { clock: systemClock, passwords, environment });
    await app.listen({ host: '127.0.0.1', port });
    t.teardown(async () => {
      await app.close();
      await db.close();
    });

    let left = LOGINS;
    const logins = Promise.all(
      Array.from({ length: LOGINS }, async (_, i) => {
        const response = await fetch(`${issuer}/api/v1/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username: `name${i}`, password: 'wrong' }),
        });
        left -= 1;
        return {
          status: response.status,
          retryAfter: response.headers.get('retry-after'),
          body: await response.text(),
        };
      }),
    );
    let answered = 0;
    let deepest = 0;
    const began = pool.stats().started;
    for (const paths = ['/.well-known/jwks.json', '/api/v1/session', '/health/ready']; left > 0; answered++) {
      const response = await fetch(issuer + paths[answered % paths.length]);
      await response.arrayBuffer();
      if (response.status !== 200) t.fail(`${response.url}: ${response.status}`);
      deepest = Math.max(deepest, pool.queued);
    }
    const all = await logins;
    const { started, refused, expired } = pool.stats();
    const evaluated = all.filter((one) => one.status === 401);
    const shed = all.filter((one) => one.status === 503);
    t.equal(evaluated.length + shed.length, LOGINS, 'every login is answered, by 401 or 503');
    t.equal(started - began, evaluated.length, 'one hash for each that was evaluated');
    t.equal(refused + expired, shed.length, 'none for the others');
    t.ok(shed.length > 0, `${shed.length} were told to come again`);
    t.ok(
      shed.every((one) => Number(one.retryAfter) >= 1 && one.body.includes('"busy"')),
      'and when',
    );
    t.ok(deepest <= QUEUE, `never more than ${QUEUE} waited`);
    t.ok(answered > 0, `${answered} others were served while ${evaluated.length} hashes were made`);
  },
);
