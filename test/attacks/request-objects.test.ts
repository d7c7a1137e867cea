import { onEachEngine } from '../support/database.ts';
import { CALLBACK } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

// What an authorization request says in a request object is read before anybody has signed it.

t.test('an unsigned request object', (t) =>
  onEachEngine(t, async (t, db) => {
    const { app, web } = await openPolls(db);
    const refusal = async (claims: string) => {
      const request = `e30.${Buffer.from(claims).toString('base64url')}.`;
      const asked = { client_id: web.id, redirect_uri: CALLBACK, response_type: 'code', request };
      const response = await app.inject({ url: `/oauth2/authorize?${new URLSearchParams(asked)}` });
      t.equal(response.statusCode, 303, claims);
      const location = new URL(response.headers.location as string);
      t.equal(location.origin + location.pathname, CALLBACK, 'the answer goes where the client is registered');
      t.equal(location.searchParams.get('error'), 'request_not_supported');
      return location.searchParams.get('state');
    };

    await t.test(
      'OIDC Core §6.1: a state that no query could hold is none, and is no error of the server',
      async (t) => {
        t.equal(await refusal('{"state":"abc"}'), 'abc');
        for (const state of ['\\ud800', 'a\\udc00b', '\\u0000']) t.equal(await refusal(`{"state":"${state}"}`), null);
      },
    );

    await t.test('OIDC Core §6.1: it names neither another address nor anything by its prototype', async (t) => {
      t.equal(await refusal('{"redirect_uri":"https://evil.example","state":"a\\r\\nX: y"}'), 'a\r\nX: y');
      t.equal(await refusal('{"__proto__":{"state":"p"}}'), null);
      for (const nothing of ['[]', '1', '{', '{"state":{"a":1}}', '{"response_mode":["form_post"]}'])
        t.equal(await refusal(nothing), null);
    });
  }),
);
