import { onEachEngine } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

const NUL = '%00';

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  const alice = await s.signedInBrowser();
  const goes = async (program: typeof s.web, redirect: string, more: Record<string, string> = {}) => {
    const [, query = ''] = s.urlFor(program, { ...more, redirect_uri: undefined }).split('?');
    const { response } = await alice.get(`/oauth2/authorize?${query}&redirect_uri=${redirect}`);
    return { status: response.statusCode, location: response.headers.location, type: response.headers['content-type'] };
  };
  /** Where a program on this computer gets its code, once its user has said yes. */
  const asked = async (program: typeof s.web, redirect: string) => {
    const page = await s.ask(alice, program, { redirect_uri: redirect });
    const { location } = (await alice.submit(page, { decision: 'allow' })).response.headers;
    const { origin, pathname, searchParams } = new URL(String(location));
    return searchParams.has('code') ? `${origin}${pathname}` : location;
  };
  const nowhere = { status: 400, location: undefined, type: 'text/html; charset=utf-8' };
  const refused = async (t: Test, program: typeof s.web, uri: string) => {
    t.same(await goes(program, encodeURIComponent(uri)), nowhere, uri);
    t.same(await goes(program, encodeURIComponent(uri), { prompt: 'none' }), nowhere, `${uri}, silently`);
    t.same(
      await goes(program, encodeURIComponent(uri), { response_type: 'token' }),
      nowhere,
      `${uri}, with another fault`,
    );
  };

  await t.test(
    'attacks 35, 41: a registered address is a string, no pattern, no suffix, no prefix (RFC 6749 §3.1.2, RFC 9700 §4.1.3, A2, A3)',
    async (t) => {
      const client = await s.client('Foo', {
        ...{ preset: 'web', isFirstParty: true, requests: [s.polls] },
        redirectUris: ['https://foo.example.com/cb?a=b', 'https://foo.example.com/x'],
      });
      for (const uri of [
        'https://fooXexample.com/cb?a=b',
        'https://evilfoo.example.com/x',
        'https://foo.example.com.evil.com/x',
        'https://foo.example.com/x/',
        'https://foo.example.com/X',
        'https://FOO.example.com/x',
        'https://foo.example.com:443/x',
        'https://foo.example.com/x?',
        'https://foo.example.com/x?y=z',
        'https://foo.example.com/x#',
        'https://foo.example.com/x#y',
        'https://foo.example.com/x;y',
        'https://foo.example.com/./x',
        'https://foo.example.com/y/../x',
        'https://foo.example.com/%78',
        'https://foo.example.com//x',
        'https://foo.example.com\\x',
        'https://foo.example.com@evil.com/x',
        'https://user@foo.example.com/x',
        ' https://foo.example.com/x',
        'https://foo.example.com/x ',
        'https://foo.example.com/cb',
        'https://foo.example.com/cb?a=b&c=d',
        'http://foo.example.com/x',
        '//foo.example.com/x',
        'javascript:alert(1)',
        'data:text/html,x',
        'x',
      ])
        await refused(t, client, uri);
      const { location } = await goes(client, encodeURIComponent('https://foo.example.com/cb?a=b'));
      t.match(location, /^https:\/\/foo\.example\.com\/cb\?a=b&code=/, 'the own query stays (RFC 6749 §3.1.2)');
      t.match((await goes(client, encodeURIComponent('https://foo.example.com/x'))).location, /\/x\?code=/);
    },
  );

  await t.test(
    'attacks 37: loopback is two literals, its port is free for an app alone (RFC 8252 §7.3, A3)',
    async (t) => {
      const app = await s.client('App', {
        ...{ preset: 'native', isFirstParty: true, requests: [s.polls] },
        redirectUris: ['http://127.0.0.1/cb', 'http://[::1]:1/cb?x=y'],
      });
      const site = await s.client('Site', {
        ...{ preset: 'spa', isFirstParty: true, requests: [s.polls] },
        redirectUris: ['http://127.0.0.1:3000/cb'],
      });
      for (const uri of [
        'http://localhost/cb',
        'http://localhost:80/cb',
        'http://localhost.evil.com/cb',
        'http://127.0.0.1.evil.com/cb',
        'http://127.0.0.1@evil.com/cb',
        'http://127.0.0.1:80@evil.com/cb',
        'http://127.0.0.1:@evil.com/cb',
        'http://127.0.0.1:0/cb',
        'http://127.0.0.1:080/cb',
        'http://127.0.0.1:65536/cb',
        'http://127.0.0.1:99999999/cb',
        'http://127.0.0.1:/cb',
        'http://127.0.0.1:8080\\@evil.com/cb',
        'http://127.0.0.1:8080/cb/',
        'http://127.0.0.1:8080/cb?x',
        'http://127.0.0.1:8080/cb#x',
        'http://127.0.0.1:8080/../cb',
        'http://127.1/cb',
        'http://0x7f.1/cb',
        'http://2130706433/cb',
        'http://0177.0.0.1/cb',
        'http://127.0.0.2/cb',
        'http://[::1]/cb',
        'http://[0:0:0:0:0:0:0:1]/cb?x=y',
        'http://[::ffff:127.0.0.1]/cb?x=y',
        'https://127.0.0.1:8080/cb',
        'HTTP://127.0.0.1:8080/cb',
      ])
        await refused(t, app, uri);
      t.equal((await goes(app, `http://[::1]${NUL}/cb`)).status, 400);
      for (const uri of [
        'http://127.0.0.1/cb',
        'http://127.0.0.1:1/cb',
        'http://127.0.0.1:65535/cb',
        'http://[::1]:50000/cb?x=y',
        'http://[::1]/cb?x=y',
      ])
        t.equal(await asked(app, uri), uri.split('?')[0], `RFC 8252 §8.6: asked first, then ${uri}`);
      await refused(t, site, 'http://127.0.0.1:3001/cb');
      t.ok((await goes(site, encodeURIComponent('http://127.0.0.1:3000/cb'))).location);
    },
  );

  await t.test('attacks 35: an unknown client is a page, whatever it asks for (RFC 6749 §4.1.2.1, A2)', async (t) => {
    const nobody = { id: 'c_nobody', principal: '', secret: null };
    await refused(t, nobody, 'https://app.example/cb');
    const { response } = await alice.get('/oauth2/authorize');
    t.same([response.statusCode, response.headers.location], [400, undefined]);
    t.match(response.body, /There is no such client/);
    const page = (await alice.get(`/oauth2/authorize?client_id=${encodeURIComponent('<script>alert(1)</script>')}`))
      .response;
    t.notMatch(page.body, /<script/);
  });

  await t.test(
    'attacks 47, 55: no header of a request is in an address, and nothing sent is in a header',
    async (t) => {
      const state = 'x\r\nSet-Cookie: a=b';
      const { response } = await alice.send('GET', s.urlFor(s.web, { state }), undefined, {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        forwarded: 'host=evil.example',
      });
      t.equal(new URL(response.headers.location as string).searchParams.get('state'), state);
      t.notOk(response.headers['set-cookie']);
      const login = await s
        .openBrowser()
        .send('GET', s.urlFor(s.web), undefined, { 'x-forwarded-host': 'evil.example' });
      t.ok(login.response.headers.location?.startsWith(`${s.issuer}/interaction/`));
    },
  );
});
