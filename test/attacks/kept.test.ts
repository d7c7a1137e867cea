import { changeCatalogue } from '../../src/permissions/index.ts';
import { getUser } from '../../src/users/index.ts';
import { type Answer, startIssuer } from '../kits/issuer.ts';
import { openTestEmbedded } from '../support/database.ts';
import { bearer } from '../support/http.ts';
import t from '../support/tap.ts';
import { openUsers, openWorld } from '../support/world.ts';

// What is kept between requests is kept under the whole of what was asked, so that no two askers are ever one.

/** Parts that would run into each other, were a key made by putting texts side by side. */
const parts = [
  'a',
  'aa',
  'a:b',
  'b',
  ':b',
  'a|b',
  '|',
  'a,b',
  ',',
  'a b',
  ' ',
  'a.b',
  'a\tb',
  'null',
  'undefined',
  '__proto__',
];

await t.test('attacks 65: a verifier decides by what it keeps as it would by asking, for 100,000 pairs', async (t) => {
  const stand = await startIssuer(t);
  const down: Answer = (_, response) => response.writeHead(503).end();
  stand.answers.set('/status-lists/1', down);
  const held = new Map<string, Set<string>>();
  const said = new Map<string, object>();
  const answer: Answer = (request, response, body) =>
    stand.json(said.get(new URLSearchParams(body).get('token') as string) ?? { active: false })(
      request,
      response,
      body,
    );
  stand.answers.set('/oauth2/introspect', answer);
  const names = [...parts, 'x', 'y'].flatMap((one) => parts.map((other) => `${one}.${other}`));
  const tokens = parts.flatMap((one, i) =>
    parts.map((other, j) => {
      const [sub, jti] = [one, `${other}`];
      const token = stand.withStatus(i + j, { sub, jti, client_id: 'c_1' });
      const permissions = names.filter((_, at) => (at * 7 + i * 3 + j * 5) % 11 === 0);
      said.set(token, { active: true, iss: stand.issuer, aud: 'polls', sub, jti, permissions, is_superuser: false });
      held.set(token, new Set(permissions));
      return token;
    }),
  );
  const clock = { now: () => Date.now(), elapsed: () => 0 };
  const verifier = stand.verifier({ clock, introspection: { clientId: 'c_1', clientSecret: 's' } });
  let pairs = 0;
  let wrong = 0;
  // The second time everything is kept.
  for (let time = 0; time < 2; time++)
    for (const token of tokens) {
      const user = await verifier.verify(token);
      for (const name of names) {
        pairs++;
        if (user.hasPerm(name) !== held.get(token)?.has(name)) wrong++;
      }
    }
  t.ok(pairs >= 100_000, `${pairs} pairs`);
  t.equal(wrong, 0);
  t.equal(stand.asks('/oauth2/introspect'), tokens.length, 'each token was asked about once');
});

await t.test('attacks 65: a server decides by what it keeps as one that has just begun', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const s = await openUsers(db);
  const codenames = parts.filter((one) => /^[\w:|,.]+$/.test(one));
  await changeCatalogue(
    db.fork(),
    s.at(),
    s.polls,
    ['polls', 'polls_a'].flatMap((app) => codenames.map((codename) => ({ app, codename, label: codename }))),
  );
  const names = ['polls', 'polls_a'].flatMap((app) => codenames.map((codename) => `${app}.${codename}`));
  for (const [i, username] of ['alice', 'bob'].entries()) {
    const some = names.filter((_, at) => at % 3 === i);
    await s.assign(await getUser(db.fork(), username), s.polls, ...some);
  }
  const tokens = [(await s.logIn('alice')).token, (await s.logIn('bob')).token, (await s.logIn('root')).token];
  const fresh = await openWorld(db, { clock: s.clock });
  const modules = ['polls', 'polls_a', 'polls_', 'poll'];
  const ask = async ({ http }: typeof fresh, token: string, perms: string[]) =>
    (await http.json('/api/v1/has_perm', { perms, modules }, bearer(token))).json();
  for (let time = 0; time < 3; time++)
    for (const token of tokens) {
      const kept = await ask(s, token, names);
      t.same(kept, await ask(fresh, token, names));
      t.same(Object.keys(kept.results).length, names.length);
    }
  const [alice, bob] = await Promise.all(tokens.map((token) => ask(s, token as string, names)));
  const both = names.filter((name) => alice.results[name] && bob.results[name]);
  t.same(both, [], 'what is alice’s is not bob’s');
  t.ok(names.some((name) => alice.results[name]) && names.some((name) => bob.results[name]), 'the scene');
  await fresh.app.close();
});
