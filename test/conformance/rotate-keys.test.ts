import { createLocalJWKSet, jwtVerify } from 'jose';
import { rotateKeys } from '../../src/tokens/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { audit, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';
import { openSessions } from '../support/world.ts';

// oidcc-server-rotate-keys of OpenID's conformance suite: the one module of the Dynamic plan that needs no registration.

interface Jwks {
  readonly keys: readonly Readonly<Record<string, string>>[];
}

t.test(
  'oidcc-server-rotate-keys: OIDC Core §10.1.1, RFC 7517 §4.5: a new key beside the old one, under a kid of its own, and nothing private',
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const s = await openSessions(db);
    const jwks = async () => (await s.app.inject('/.well-known/jwks.json')).json() as Jwks;
    const browser = await s.logIn();
    const idToken = s.idToken(await s.make('Suite', {}), browser);
    const before = await jwks();

    const given = { leadSeconds: 86_400, isNow: false, alg: undefined };
    await rotateKeys(db.fork(), audit(s.clock.now()), masterKey, given);
    await s.keys.reload();
    const after = await jwks();

    for (const { keys } of [before, after]) {
      t.equal(new Set(keys.map((one) => one['kid'])).size, keys.length, 'each its own kid');
      for (const one of keys) {
        t.match(one, { kty: 'RSA', use: 'sig', alg: 'RS256', kid: /./, n: /^[\w-]{342}$/, e: 'AQAB' });
        t.notOk(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].some((name) => name in one));
      }
    }
    const [old] = before.keys;
    const isThere = (name: 'kid' | 'n') => after.keys.filter((one) => one[name] === old?.[name]).length;
    t.same([before.keys.length, after.keys.length], [1, 2]);
    t.same([isThere('kid'), isThere('n')], [1, 1], 'the old one is still there');
    t.ok(await jwtVerify(idToken, createLocalJWKSet(after as never), { currentDate: s.clock.now() }));
  },
);
