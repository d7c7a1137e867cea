import { AuditEvent } from '../../src/audit/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { updateUser } from '../../src/users/index.ts';
import { hiddenFields, newBrowser, responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { PASSWORD } from '../support/http.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openPolls, openWorld } from '../support/world.ts';

// docs/decisions/0014-repeated-posts.md: a sign-in form that its browser sends a second time within ten seconds.

await onEachEngine(t, async (t, db) => {
  let verified = 0;
  const one = await openPolls(db);
  const user = await one.user('bob');
  const passwords = {
    ...one.passwords,
    verify: (...given: Parameters<typeof one.passwords.verify>) => {
      verified++;
      return one.passwords.verify(...given);
    },
  };
  // Two processes on one database, which share nothing in memory.
  const { clock } = one;
  const apps = await Promise.all([0, 1].map(() => openWorld(db, { clock, passwords })));
  const open = async (at = 0) => {
    const browser = newBrowser((apps[at] as (typeof apps)[0]).app);
    await browser.get('/login');
    return browser;
  };
  const right = { username: 'alice', password: PASSWORD };
  const sessions = () => db.fork().find(Session, { endedAt: null }, { orderBy: { createdAt: 'desc', id: 'desc' } });
  const logins = () => db.fork().find(AuditEvent, { kind: 'login' });
  const who = async (browser: ReturnType<typeof newBrowser>) =>
    /signed in as <strong>(\w+)/.exec((await browser.get('/')).response.body)?.[1];
  const post = (browser: ReturnType<typeof newBrowser>, form: Record<string, string> = right) =>
    browser.send('POST', '/login', form);

  await t.test('docs/decisions/0014: a second click is the session of the first, verified once', async (t) => {
    const browser = await open();
    const first = newBrowser((apps[0] as (typeof apps)[0]).app);
    for (const [name, value] of browser.cookies) first.cookies.set(name, value);
    const before = (await sessions()).length;
    verified = 0;
    await post(first);
    t.equal(await who(first), 'alice');
    // The response was lost: the browser has no session yet.
    const { response } = await post(browser);
    t.equal(response.statusCode, 303);
    t.equal(await who(browser), 'alice');
    t.same([verified, (await sessions()).length], [1, before + 1]);
    t.equal(await who(first), undefined, 'the secret that was not heard is none any more');
    const again = await post(browser);
    t.same([again.response.statusCode, again.response.cookies.length], [303, 0], 'who has it already is only sent on');
    t.same([verified, (await sessions()).length], [1, before + 1]);
  });

  await t.test('docs/decisions/0014: of many at once in one process all get one session, verified once', async (t) => {
    const browser = await open();
    const before = (await sessions()).length;
    verified = 0;
    const all = await Promise.all(Array.from({ length: 20 }, () => post(browser)));
    t.same(new Set(all.map((sent) => sent.response.statusCode)), new Set([303]));
    t.equal(new Set(all.map((sent) => sent.response.cookies[0]?.value)).size, 1);
    t.same([verified, (await sessions()).length], [1, before + 1]);
    verified = 0;
    const wrong = { ...right, password: 'not this one' };
    const refused = await Promise.all(Array.from({ length: 3 }, () => post(browser, wrong)));
    t.same([refused.map((sent) => sent.response.statusCode), verified], [[401, 401, 401], 1], 'and one refusal');
  });

  await t.test('docs/decisions/0014: of two on two processes at once the second takes over the session', async (t) => {
    const [here, there] = [await open(0), await open(1)];
    there.cookies.clear();
    for (const [name, value] of here.cookies) there.cookies.set(name, value);
    const before = (await sessions()).length;
    const events = (await logins()).length;
    const both = await Promise.all([post(here), post(there)]);
    t.same(
      both.map((sent) => sent.response.statusCode),
      [303, 303],
    );
    t.equal((await sessions()).length, before + 1);
    t.equal((await logins()).length, events + 1, 'which is one login');
    t.same(
      [await who(here), await who(there)].filter((name) => name !== undefined),
      ['alice'],
      'one secret is good',
    );
  });

  await t.test('docs/decisions/0014: another form is another sign-in', async (t) => {
    const browser = await open();
    await post(browser);
    const cookies = new Map(browser.cookies);
    const like = (drop: string[]) => {
      const other = newBrowser((apps[0] as (typeof apps)[0]).app);
      for (const [name, value] of cookies) if (!drop.includes(name)) other.cookies.set(name, value);
      return other;
    };
    verified = 0;
    const wrong = await post(like(['signet_session']), { ...right, password: 'not this one' });
    t.same([wrong.response.statusCode, verified], [401, 1], 'a wrong password is looked at');
    const elsewhere = await open();
    await post(elsewhere);
    t.equal(verified, 2, 'another browser');
    await post(like(['signet_session']), { ...right, next: '/oauth2/device' });
    t.equal(verified, 3, 'another way to go on');
    await post(like(['signet_session', 'signet_flow']));
    t.equal(verified, 4, 'a program without cookies');
    const bob = like(['signet_session']);
    await post(bob, { username: 'bob', password: PASSWORD });
    await post(bob);
    t.equal(verified, 6, 'who is signed in as somebody else is signed in anew');
    t.equal(await who(bob), 'alice');
    t.equal((await sessions()).filter((session) => session.user === user.id).length, 0, 'and bob is not any more');
  });

  await t.test(
    'docs/decisions/0014: a repetition is counted like a sign-in, so that it is no way to guess',
    async (t) => {
      const victim = await open();
      const thief = newBrowser((apps[0] as (typeof apps)[0]).app);
      for (const [name, value] of victim.cookies) thief.cookies.set(name, value);
      await post(victim);
      let guesses = 0;
      while ((await post(thief, { ...right, password: `guess ${guesses}` })).response.statusCode === 401) guesses++;
      t.ok(guesses > 0);
      const { response } = await post(thief);
      t.same([response.statusCode, response.cookies.length], [429, 0], 'who has the secret of the browser alone');
      t.equal(await who(victim), 'alice', 'whose session stays as it is');
      clock.pass(901);
    },
  );

  await t.test('docs/decisions/0014: not later, not after signing out, and not where its user may not', async (t) => {
    const browser = await open();
    await post(browser);
    clock.pass(10);
    browser.cookies.delete('signet_session');
    verified = 0;
    await post(browser);
    t.equal(verified, 1, 'ten seconds later');
    await browser.send('POST', '/oauth2/logout', { decision: 'logout' });
    await post(browser);
    t.equal(verified, 2, 'signed out meanwhile');
    await updateUser(db.fork(), audit(clock.now()), one.alice, { isActive: false });
    browser.cookies.delete('signet_session');
    t.equal((await post(browser)).response.statusCode, 401, 'deactivated meanwhile');
    await updateUser(db.fork(), audit(clock.now()), one.alice, { isActive: true });
  });

  await t.test('docs/decisions/0014: the name of a form goes when its session is seen again', async (t) => {
    const browser = await open();
    await post(browser);
    const [session] = await sessions();
    t.ok(session?.formDigest);
    clock.pass(61);
    t.equal(await who(browser), 'alice');
    t.equal((await db.fork().findOneOrFail(Session, session?.id as string)).formDigest, null);
  });

  await t.test(
    'docs/decisions/0014: a double click on the way to a client ends with a code that is good',
    async (t) => {
      const browser = newBrowser((apps[0] as (typeof apps)[0]).app);
      const login = await browser.open(one.urlFor(one.web));
      const form = { ...hiddenFields(login.response.body), ...right };
      const first = await browser.send('POST', '/login', form);
      const codes = [responseParameters(await browser.follow(first))];
      browser.cookies.delete('signet_session');
      codes.push(responseParameters(await browser.follow(await browser.send('POST', '/login', form))));
      t.match(codes, [{ code: /./ }, { code: /./ }]);
      t.equal((await one.redeem(String(codes[1]?.['code']))).statusCode, 200);
      t.match((await browser.open(login.url)).response.body, /You are signed in/);
    },
  );

  await t.test('docs/decisions/0014: a browser has one secret, wherever it came to first', async (t) => {
    const browser = newBrowser((apps[0] as (typeof apps)[0]).app);
    const sent = await browser.get(one.urlFor(one.web));
    const interaction = new URL(String(sent.response.headers.location)).pathname;
    const login = await browser.get(`/login?next=${interaction}`);
    t.same(
      login.response.cookies.map((cookie) => cookie.name),
      ['signet_flow'],
    );
    t.match(responseParameters(await browser.submit(login, right)), { code: /./ });
  });

  await t.test(
    'docs/decisions/0014: a session is one login in the event log, however often its form came',
    async (t) => {
      const made = await db.fork().find(Session, {});
      const told = (await logins()).map(({ detail }) => (detail as { sid: string }).sid);
      t.ok(made.length > 10);
      t.same(told.sort(), made.map(({ id }) => id).sort());
    },
  );
});
