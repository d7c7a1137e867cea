import fc from 'fast-check';
import type { Database } from '../../src/platform/database/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { type Flow, type FlowEvent, next, startFlow } from '../../src/signin/flow/state.ts';
import {
  type Authentication,
  type ClientInfo,
  continueSignIn,
  passwordBackend,
  SignInFlow,
  type SignInMethod,
  signIn,
} from '../../src/signin/index.ts';
import { User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { PASSWORD } from '../support/http.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const traits = {
  password: { amr: 'pwd', factor: 'knowledge' },
  question: { amr: 'kba', factor: 'knowledge' },
  key: { amr: 'hwk', factor: 'possession' },
} as const;

t.test('docs/architecture.md, A login: a password is enough where one factor is required', async (t) => {
  const done = next(startFlow('login'), { method: 'password', user: 'u' }, '1fa', traits);
  t.match(done, { step: 'done', user: 'u', methods: ['password'] });
});

t.test('NIST SP 800-63B-4 §2: two methods of one factor are one factor', async (t) => {
  const first = next(startFlow('login'), { method: 'password', user: 'u' }, '2fa', traits);
  t.equal(first.step, 'second_factor');
  const same = next(first, { method: 'question', user: 'u' }, '2fa', traits);
  t.equal(same.step, 'second_factor');
  t.equal(next(same, { method: 'key', user: 'u' }, '2fa', traits).step, 'done');
});

t.test('docs/architecture.md, A login: a step that does not belong to a flow changes nothing', async (t) => {
  const first = next(startFlow('login'), { method: 'password', user: 'u' }, '2fa', traits);
  for (const event of [
    { method: 'key', user: 'somebody else' },
    { method: 'password', user: 'u' },
    { method: 'unknown', user: 'u' },
  ])
    t.equal(next(first, event, '2fa', traits), first);
  const done = next(first, { method: 'key', user: 'u' }, '2fa', traits);
  t.equal(next(done, { method: 'question', user: 'u' }, '2fa', traits), done, 'nor after the end');
});

t.test('property: no order of events ends a flow with less than is required, or with two users', async () => {
  const event = fc.record({
    method: fc.constantFrom('password', 'question', 'key', 'unknown'),
    user: fc.constantFrom('u', 'v'),
  });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 8 }),
      fc.constantFrom('1fa' as const, '2fa' as const),
      (events, required) => {
        const accepted: FlowEvent[] = [];
        let flow: Flow = startFlow('login');
        for (const one of events) {
          const reached = next(flow, one, required, traits);
          if (reached !== flow) accepted.push(one);
          flow = reached;
        }
        const factors = new Set(flow.methods.map((one) => traits[one as keyof typeof traits].factor));
        const isEnough = factors.size >= (required === '2fa' ? 2 : 1);
        return (flow.step === 'done') === isEnough && new Set(accepted.map((one) => one.user)).size <= 1;
      },
    ),
  );
});

/** A second factor that only a test has: whoever knows the word has it. */
const key: SignInMethod = {
  name: 'key',
  amr: 'hwk',
  factor: 'possession',
  verify: async (_db, _user, input) => input === 'the right key',
};

async function service(db: Database, required: '1fa' | '2fa') {
  const { passwords, clock, user } = await openWorld(db);
  const authentication: Authentication = {
    clock,
    passwords,
    backends: [passwordBackend(db, passwords, clock)],
    limits: { name: 10, network: 300, account: 100 },
    refusalMilliseconds: 0,
    methods: [key],
    requiredAssurance: async () => required,
  };
  if ((await db.fork().count(User, { username: 'ada' })) === 0) await user('ada');
  const life = { idleSeconds: 3600, absoluteSeconds: 7200 };
  const client: ClientInfo = { ip: '192.0.2.7', userAgent: 'a browser', sessionToken: null };
  return {
    clock,
    start: (browser: string | null = null) =>
      signIn(db, authentication, life, { username: 'ada', password: PASSWORD, client, browser }),
    go: (handle: string, input: string, browser: string | null = null, method = 'key') =>
      continueSignIn(db, authentication, life, { handle, method, input, client, browser }),
  };
}

const handleOf = (result: Awaited<ReturnType<typeof signIn>>) => (result.kind === 'continue' ? result.handle : '');

await onEachEngine(t, async (t, db) => {
  await t.test('docs/architecture.md, A login: a sign-in by a password alone stores no flow', async (t) => {
    const { start } = await service(db, '1fa');
    t.equal((await start()).kind, 'signed_in');
    t.equal(await db.fork().count(SignInFlow, {}), 0);
  });

  await t.test('a second factor is asked for before there is a session, and makes one with both methods', async (t) => {
    const { start, go } = await service(db, '2fa');
    const before = await db.fork().count(Session, {});
    const waiting = await start();
    t.equal(waiting.kind, 'continue');
    t.equal(await db.fork().count(Session, {}), before, 'no session yet');
    const handle = handleOf(waiting);
    t.same(await go(handle, 'a wrong key'), { kind: 'refused' });
    t.same(await go(handle, 'the right key', null, 'password'), { kind: 'refused' }, 'a method that is not there');
    const done = await go(handle, 'the right key');
    if (done.kind !== 'signed_in') throw new Error(done.kind);
    t.same(done.session.amr, ['pwd', 'hwk']);
    t.same(await go(handle, 'the right key'), { kind: 'refused' }, 'and once');
    t.equal(await db.fork().count(SignInFlow, {}), 0);
  });

  await t.test('a flow is of the browser that began it, and of its half hour', async (t) => {
    const { start, go, clock } = await service(db, '2fa');
    const handle = handleOf(await start('the secret of a browser'));
    t.same(await go(handle, 'the right key'), { kind: 'refused' });
    t.same(await go(handle, 'the right key', 'the secret of another browser'), { kind: 'refused' });
    clock.pass(1801);
    t.same(await go(handle, 'the right key', 'the secret of a browser'), { kind: 'refused' });
  });

  await t.test('a password that changes meanwhile ends the flow', async (t) => {
    const { start, go } = await service(db, '2fa');
    const handle = handleOf(await start());
    await db.fork().nativeUpdate(User, { username: 'ada' }, { passwordEpoch: 9 });
    t.same(await go(handle, 'the right key'), { kind: 'refused' });
  });

  await t.test('of 20 that finish one flow at once one gets a session', async (t) => {
    const { start, go } = await service(db, '2fa');
    const handle = handleOf(await start());
    const all = await Promise.all(Array.from({ length: 20 }, () => go(handle, 'the right key')));
    t.equal(all.filter((one) => one.kind === 'signed_in').length, 1);
  });
});
