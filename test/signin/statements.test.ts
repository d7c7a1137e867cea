import { onEachEngine } from '../support/database.ts';
import { type Headers, PASSWORD, sessionCookie } from '../support/http.ts';
import { recordStatements } from '../support/statements.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

/** Before the transaction. */
const VERIFIED = ['signin-throttle-reserve', 'users-credentials', 'signin-throttle-release'];
/** In it: the user is still active, the network is familiar, the event, the session, and the user that the answer shows. */
const SIGNED_IN = [
  'update users_user',
  'insert signin_familiar_network',
  'insert audit_event',
  'insert sessions_session',
  'select users_user',
];

await onEachEngine(t, async (t, real) => {
  const { db, statements, stop } = recordStatements(real);
  t.teardown(stop);
  const { http, user } = await openWorld(db);
  await user('ada');
  const logIn = (password: string, headers: Headers = {}) =>
    http.json('/api/v1/login', { username: 'ada', password }, headers);

  await t.test(
    'docs/architecture.md, A login: by a password alone it stores no flow, and these are its statements',
    async (t) => {
      t.equal((await logIn(PASSWORD)).statusCode, 200, 'the first from this network');
      statements();
      const second = await logIn(PASSWORD);
      t.equal(second.statusCode, 200);
      t.same(statements(), [...VERIFIED, 'begin', ...SIGNED_IN, 'commit']);
      t.equal((await logIn(PASSWORD, { cookie: sessionCookie(second) })).statusCode, 200);
      const ended = statements().filter((one) => !/\b(oauth|tokens|platform)_/.test(one));
      const session = ['select sessions_session', 'update sessions_session'];
      t.same(
        ended.toSorted(),
        [...VERIFIED, 'begin', ...SIGNED_IN, ...session, 'commit'].toSorted(),
        'over a session that it ends',
      );
    },
  );

  await t.test(
    'docs/architecture.md, A login: a wrong password costs the throttle, the user and the event',
    async (t) => {
      statements();
      t.equal((await logIn('another long phrase')).statusCode, 401);
      const refused = ['signin-throttle-reserve', 'users-credentials', 'users-id-by-username'];
      t.same(statements(), [...refused, 'begin', 'insert audit_event', 'commit']);
    },
  );
});
