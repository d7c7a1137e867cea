import { randomBytes } from 'node:crypto';
import { allowPermissions, disallowPermissions } from '../../src/oauth/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openServices, type TestClient } from '../support/world.ts';

// Row 71: token exchange widened scope, crossed tenants, accepted revoked subjects. The single refusals are in ../oauth/exchange.test.ts;
// here are chains that nobody has thought of.

const seed = Number(process.env['SEED'] ?? randomBytes(4).readUInt32BE());
/** mulberry32: the same seed is the same course. */
let state = seed;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const some = <T>(from: readonly T[]): T[] => from.filter(() => random() < 0.5);

const ROUNDS = 40;
const scopes = ['openid', 'profile', 'email'];

t.test(`attacks 71: whatever is exchanged for whatever, the result is within the subject (SEED=${seed})`, async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const s = await openServices(db);
  const { polls, ledger, alice, web, third, backend, books, outside } = s;
  const elsewhere = await s.service('Elsewhere', {
    isFirstParty: false,
    requests: [polls, ledger],
    serves: [polls, ledger],
  });
  const everywhere = await s.service('Everywhere', { requests: [polls, ledger], serves: [polls, ledger] });
  const all = {
    polls: await s.permissions(polls, ...['add', 'change', 'delete', 'view'].map((one) => `polls.${one}_choice`)),
    ledger: await s.permissions(ledger, ...['add', 'change', 'delete', 'view'].map((one) => `ledger.${one}_entry`)),
  };
  const every = [...all.polls, ...all.ledger];
  const served: Record<'polls' | 'ledger', readonly TestClient[]> = {
    polls: [backend, outside, elsewhere, everywhere],
    ledger: [books, elsewhere, everywhere],
  };
  const asks = { polls: 'polls', ledger: 'https://ledger.example' } as const;
  await s.assign(alice, polls, 'polls.add_choice', 'polls.change_choice', 'polls.view_choice');
  await s.assign(alice, ledger, 'ledger.add_entry', 'ledger.view_entry');
  const mine = {
    polls: ['polls.add_choice', 'polls.change_choice', 'polls.view_choice'],
    ledger: ['ledger.add_entry', 'ledger.view_entry'],
  };
  const boundaries = new Map<string, string[]>();
  const setBoundary = async (of: TestClient) => {
    const chosen = some(every);
    await disallowPermissions(db.fork(), audit(), { id: of.principal }, every);
    await allowPermissions(db.fork(), audit(), { id: of.principal }, chosen);
    boundaries.set(
      of.id,
      chosen.map((permission) => permission.name),
    );
  };

  let exchanges = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const program of [third, outside, elsewhere]) await setBoundary(program);
    const isThird = random() < 0.6;
    const consented = isThird ? some(all.polls) : null;
    const scope = ['openid', ...some(['profile', 'email'])].join(' ');
    const given = { scope, permissions: consented?.map((permission) => permission.id) ?? null };
    let token = await s.subjectToken(isThird ? third : web, given);
    let at: 'polls' | 'ledger' = 'polls';
    // What a reader of the contract would say: user, within every boundary that was met, as consented.
    const met = isThird ? [third.id] : [];
    const within = (names: readonly string[]) =>
      names.filter(
        (name) =>
          met.every((id) => boundaries.get(id)?.includes(name)) &&
          (consented === null || consented.some((permission) => permission.name === name)),
      );
    t.same(jwtClaims(token).permissions, within(mine.polls), `round ${round}: the first`);
    const seen: Partial<Record<'polls' | 'ledger', string[]>> = { polls: jwtClaims(token).permissions };
    for (let step = 0; step < 4; step++) {
      const by = one(served[at]);
      const to = one(['polls', 'ledger'] as const);
      const had = jwtClaims(token);
      const asked = random() < 0.5 ? some(scopes) : null;
      const answer = await s.exchange(by, token, {
        audience: asks[to],
        ...(asked === null || asked.length === 0 ? {} : { scope: asked.join(' ') }),
      });
      const scopesHad: string[] = had.scope?.split(' ') ?? [];
      if (asked?.some((name) => !scopesHad.includes(name))) {
        t.same([answer.statusCode, answer.json().error], [400, 'invalid_scope']);
        continue;
      }
      t.equal(answer.statusCode, 200, answer.body);
      exchanges++;
      token = answer.json().access_token;
      at = to;
      if (by === outside || by === elsewhere) met.push(by.id);
      const claims = jwtClaims(token);
      const why = `round ${round}, step ${step}: ${by.id} to ${to}`;
      t.same(claims.permissions, within(mine[to]), why);
      const before = seen[to];
      if (before)
        t.same(
          claims.permissions.filter((name: string) => !before.includes(name)),
          [],
          `${why}: no wider`,
        );
      seen[to] = claims.permissions;
      const reader = one(served[to]);
      t.same((await s.introspect(token, reader)).permissions, claims.permissions, `${why}: as introspection says`);
      const scopesHave: string[] = claims.scope?.split(' ') ?? [];
      t.ok(
        scopesHave.every((name) => scopesHad.includes(name)) && claims.exp <= had.exp && claims.sub === had.sub,
        `${why}: scope, time and subject`,
      );
      t.same([claims.act.sub, claims.act.act], [by.id, had.act], `${why}: who acts`);
    }
  }
  t.ok(exchanges > ROUNDS, `${exchanges} exchanges`);
});
