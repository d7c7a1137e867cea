import { AuditEntry, AuditEvent } from '../../src/audit/index.ts';
import { findApi, noRights } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { plusSeconds } from '../../src/platform/time.ts';
import { Session } from '../../src/sessions/index.ts';
import { createSession } from '../../src/sessions/open.ts';
import { SigningKey, signAccessToken } from '../../src/tokens/index.ts';
import { findUser, type User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { ISSUER } from '../support/server.ts';
import t from '../support/tap.ts';
import { type CliHarness, GOOD_PASSWORD, lastEntry, lastEvent, openCliHarness } from './harness.ts';

t.test('token', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    await cliHarness.json('user create alice');
    await cliHarness.json('api sync f', { file: 'audience: polls\napps: {polls: {models: [question]}}' });
    await cliHarness.json('perm grant --user alice --api polls polls.add_question polls.view_question');

    await t.test(
      'docs/commands.md: token issue prints an access token, audited, that carries the permissions',
      async (t) => {
        const result = await cliHarness.run('token issue --user alice --api polls');
        t.match(result, { exit: 0, stdout: /^[\w-]+\.[\w-]+\.[\w-]+\n$/, stderr: '' });
        const {
          active,
          claims,
          permissions_now: now,
        } = await cliHarness.json('token verify -', { stdin: result.stdout });
        t.equal(active, true);
        t.match(claims, {
          iss: ISSUER,
          aud: 'polls',
          client_id: 'signet',
          username: 'alice',
          permissions: ['polls.add_question', 'polls.view_question'],
        });
        t.notOk('sid' in claims);
        t.same(now, claims.permissions);
        t.match(await lastEntry(db), {
          action: 'issue',
          objectKind: 'token',
          objectId: claims.jti,
          objectLabel: 'alice',
          actorLabel: 'cli:1000',
        });
        t.match(await lastEvent(db), {
          kind: 'token_issued',
          userId: claims.sub,
          detail: { aud: 'polls', jti: claims.jti, by: 'cli:1000' },
        });
        const document = await cliHarness.json('token issue --user alice --api polls');
        t.same(Object.keys(document), ['access_token', 'token_type', 'expires_in']);
        t.match(document, { token_type: 'Bearer', expires_in: 600 });
        const rows = JSON.stringify([await db.fork().findAll(AuditEntry, {}), await db.fork().findAll(AuditEvent, {})]);
        t.notOk(rows.includes(document.access_token.split('.')[2]), 'the log has no token');
      },
    );

    await t.test(
      'docs/commands.md: token issue --refresh opens a grant, grant list shows it, grant end ends it',
      async (t) => {
        const { client } = await cliHarness
          .json('client create Web --preset web --redirect-uri https://app.example/cb --api polls --first-party')
          .then(async (made) => ({ client: made.client_id as string }));
        await cliHarness.json('client create Foreign --preset web --redirect-uri https://app.example/cb --api polls');
        for (const [name, why] of [
          ['Foreign', /is not first-party/],
          ['Worker', /does not have the grant refresh_token \(npx signet client update/],
        ] as const) {
          if (name === 'Worker') await cliHarness.json('client create Worker --preset service --api polls');
          t.match(await cliHarness.run(`token issue --user alice --client ${name} --api polls --refresh`), {
            exit: 4,
            stderr: why,
          });
        }
        const issued = await cliHarness.json(`token issue --user alice --client ${client} --api polls --refresh`);
        t.match(issued, { token_type: 'Bearer', refresh_token: /^[\w-]{71}$/ });
        const { grants } = await cliHarness.json('grant list --user alice');
        t.match(grants, [{ username: 'alice', client_id: client, client: 'Web', audience: 'polls', scope: null }]);
        t.equal((await cliHarness.json(`grant list --client ${client}`)).grants.length, 1);
        t.match((await cliHarness.run(`grant list ${grants[0].id}`)).stdout, /^GRANT +USER +CLIENT +API/);
        t.equal((await cliHarness.json('token verify -', { stdin: issued.access_token })).active, true);
        t.same(await cliHarness.json('grant end --user alice'), { ended: [grants[0].id] });
        t.match(await lastEntry(db), {
          objectKind: 'grant',
          objectId: grants[0].id,
          after: { ended: 'ended_by_operator' },
        });
        t.match(await cliHarness.run('token verify -', { stdin: issued.access_token }), {
          exit: 1,
          stderr: /has ended/,
        });
        t.same((await cliHarness.json('grant list --user alice')).grants, []);
      },
    );

    await t.test(
      'docs/commands.md: a token command that fails changes nothing and has its own exit code',
      async (t) => {
        await cliHarness.json('user create gone');
        await cliHarness.json('user deactivate gone');
        const many = Array.from({ length: 90 }, (_, i) => `p${i}_of_a_rather_long_name: Label`).join(', ');
        await cliHarness.json('api sync f', { file: `audience: big\napps: {big: {permissions: {${many}}}}` });
        await cliHarness.json('api update big --budget 1024 --over-budget fail');
        await cliHarness.json('user create root --superuser');
        const before = await cliHarness.counts();
        const refusals: [string, number, RegExp, string?][] = [
          ['token issue --user gone --api polls', 4, /gone is inactive\. Activate/],
          [
            'token issue --user root --api big',
            4,
            /budget of big is 1024\. Raise it \(npx signet api update big --budget 8192\), let its tokens carry a bitmap/,
          ],
          ['token issue --user nobody --api polls', 3, /no user/],
          ['token issue --user alice --api poll', 3, /Did you mean "polls"/],
          ['token issue --user alice', 2, /--api is missing/],
          ['token issue --api polls', 2, /Name a user, a client, or both/],
          ['token issue --user alice --api polls --refresh', 2, /what a client holds for a user: name both/],
          ['grant list', 2, /Name a user, a client, or one grant/],
          ['grant end 0196d3a0-0000-7000-8000-000000000000', 3, /There is no grant/],
          ['token verify -', 2, /Standard input is empty\. Pipe the token/, ' \n'],
          ['token verify abc', 2, /stays in the shell's history/],
          ['token verify', 2, /Usage: npx signet token verify -/],
        ];
        for (const [words, exit, text, stdin] of refusals) {
          const result = await cliHarness.run(words, stdin === undefined ? {} : { stdin });
          t.match(result, { exit, stdout: '', stderr: text }, words);
        }
        t.same(await cliHarness.counts(), before);
        const { error } = await cliHarness.json('token issue --user root --api big', {}, 4);
        t.match(error, { kind: 'conflict', budget: 1024, permissions: 90 });
        t.ok(error.bytes > 1024);
      },
    );

    await t.test('docs/commands.md, RFC 7519 §7.2: token verify says why a token is not active (exit 1)', async (t) => {
      const alice = (await findUser(db.fork(), 'alice')) as User;
      const why = async (token: string) => {
        const { error } = await cliHarness.json('token verify -', { stdin: token }, 1);
        t.match(error, { kind: 'failed', active: false });
        t.match((await cliHarness.run('token verify -', { stdin: token })).stderr, /^signet: Not active: /);
        return error.reason;
      };
      const good = await signed(cliHarness, alice, null);
      const [header, payload, signature = ''] = good.split('.') as [string, string, string];
      t.equal(await why('hello'), 'malformed');
      t.equal(
        await why(`${header}.${payload}.${(signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)}`),
        'bad_signature',
      );
      t.equal(await why(await signed(cliHarness, alice, null, { issuer: 'https://elsewhere.test' })), 'other_issuer');
      t.equal(await why(await signed(cliHarness, alice, null, { at: plusSeconds(new Date(), -700) })), 'expired');
      const reheaded = (change: object) =>
        `${b64({ ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...change })}.${payload}.${signature}`;
      t.equal(await why(reheaded({ kid: 'other' })), 'unknown_key');
      t.equal(await why(reheaded({ alg: 'none' })), 'wrong_algorithm');
      t.equal(await why(reheaded({ typ: 'dpop+jwt' })), 'other_kind');

      const session = await openSession(db, alice);
      const token = await signed(cliHarness, alice, session);
      t.match(await cliHarness.json('token verify -', { stdin: token }), { active: true, claims: { sid: session.id } });
      await cliHarness.json(`session end ${session.id}`);
      t.equal(await why(token), 'session_ended');
      const short = await openSession(db, alice, plusSeconds(new Date(), -700));
      t.equal(await why(await signed(cliHarness, alice, short)), 'session_expired');
      t.equal(
        await why(await signed(cliHarness, alice, { ...short, id: '00000000-0000-4000-8000-000000000000' } as Session)),
        'no_session',
      );
      await cliHarness.json('user deactivate alice');
      t.equal(await why(good), 'inactive_user');
      await cliHarness.json('user activate alice');
      await cliHarness.json('changepassword alice --password-stdin', { stdin: GOOD_PASSWORD });
      t.match(await cliHarness.json('token verify -', { stdin: good }), { active: true });
    });

    await t.test('docs/commands.md: keys list shows the signing keys and nothing secret', async (t) => {
      const { keys } = await cliHarness.json('keys list');
      t.match(keys, [{ alg: 'RS256', state: 'current', retire_at: null, activated_at: /Z$/ }]);
      const times = ['created_at', 'published_at', 'activate_at', 'activated_at', 'retire_at'];
      t.same(Object.keys(keys[0]), ['kid', 'alg', 'state', ...times]);
      t.match((await cliHarness.run('keys list')).stdout, /^KID +ALG +STATE +WHEN\n[\w-]{43} +RS256 +current /);
    });

    await t.test(
      'docs/commands.md: without a signing key, token issue says where one comes from (exit 1)',
      async (t) => {
        await db.fork().nativeDelete(SigningKey, {});
        t.match(await cliHarness.run('token issue --user alice --api polls'), {
          exit: 1,
          stderr: /no signing key yet\. Start the server once/,
        });
        t.match((await cliHarness.run('keys list')).stdout, /no signing key yet/);
      },
    );
  }),
);

t.test('session', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);
    await cliHarness.json('user create alice');
    const alice = (await findUser(db.fork(), 'alice')) as User;

    await t.test(
      'docs/commands.md: session list shows the live sessions of a user, newest first, or one',
      async (t) => {
        t.equal((await cliHarness.run('session list --user alice')).stdout, 'alice has no live session.\n');
        const first = await openSession(db, alice, plusSeconds(new Date(), -60));
        const second = await openSession(db, alice);
        await openSession(db, alice, plusSeconds(new Date(), -700));
        const { sessions } = await cliHarness.json('session list --user alice');
        t.match(sessions, [
          { id: second.id, user: 'alice', ip: '192.0.2.1', amr: ['pwd'], ended_at: null, expires_at: /Z$/ },
          { id: first.id },
        ]);
        t.equal(sessions.length, 2);
        const { stdout } = await cliHarness.run(`session list ${first.id}`);
        t.match(stdout, /^Session +[0-9a-f-]{36}\nUser +alice\n/);
        t.match(
          stdout,
          /Program +bad\\u001b\[2Jprogram\n/,
          'what a browser says of itself does not steer the terminal',
        );
        t.notMatch((await cliHarness.run('session list --user alice')).stdout, /\u001b/);
      },
    );

    await t.test('docs/commands.md: session end ends one session or all of a user, with event and entry', async (t) => {
      const { sessions } = await cliHarness.json('session list --user alice');
      t.same(await cliHarness.json(`session end ${sessions[0].id.toUpperCase()}`), {
        user: 'alice',
        ended: [sessions[0].id],
      });
      t.match(await db.fork().findOne(Session, sessions[0].id), { endedReason: 'ended_by_operator' });
      t.match(await lastEvent(db), {
        kind: 'session_ended',
        userId: alice.id,
        detail: { sid: sessions[0].id, reason: 'ended_by_operator' },
      });
      t.match(await lastEntry(db), {
        objectKind: 'session',
        objectId: sessions[0].id,
        objectLabel: 'alice',
        actorLabel: 'cli:1000',
      });
      t.equal((await cliHarness.run(`session end ${sessions[0].id}`)).stdout, 'Nothing was left to end.\n');
      t.match((await cliHarness.run(`session list ${sessions[0].id}`)).stdout, /Ended +.* \(ended_by_operator\)/);
      t.match(await cliHarness.run('session end --user alice'), {
        exit: 0,
        stdout: /^Ended \d sessions? of alice\.\n$/,
      });
      t.same(await cliHarness.json('session list --user alice'), { sessions: [] });
    });

    await t.test(
      'docs/commands.md: a session command that fails changes nothing and has its own exit code',
      async (t) => {
        const before = await cliHarness.counts();
        const refusals: [string, number, RegExp][] = [
          ['session list', 2, /either a user or a session/],
          ['session end', 2, /either a user or a session/],
          ['session end --user alice 00000000-0000-4000-8000-000000000000', 2, /either a user or a session/],
          ['session end 00000000-0000-4000-8000-000000000000', 3, /There is no session/],
          ['session end nonsense', 3, /There is no session nonsense/],
          ['session list --user nobody', 3, /no user/],
        ];
        for (const [words, exit, text] of refusals)
          t.match(await cliHarness.run(words), { exit, stdout: '', stderr: text }, words);
        t.same(await cliHarness.counts(), before);
      },
    );
  }),
);

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function signed(
  cliHarness: CliHarness,
  user: User,
  session: Session | null,
  other: { issuer?: string; at?: Date } = {},
): Promise<string> {
  const api = await findApi(cliHarness.db.fork(), 'polls');
  if (!api) throw new Error('no API');
  const request = {
    issuer: other.issuer ?? ISSUER,
    api,
    clientId: 'signet',
    subject: user,
    rights: { ...noRights, isActive: true },
    session,
    scope: undefined,
  };
  return signAccessToken(cliHarness.keys, request, other.at ?? new Date()).token;
}

async function openSession(db: Database, user: User, at = new Date()): Promise<Session> {
  const em = db.fork();
  const given = {
    user: user.id,
    passwordEpoch: user.passwordEpoch,
    authTime: at,
    amr: ['pwd'],
    ip: '192.0.2.1',
    userAgent: 'bad\u001b[2Jprogram',
  };
  const { session } = createSession(em, given, { idleSeconds: 600, absoluteSeconds: 600 }, at);
  await em.flush();
  return session;
}
