// @ts-expect-error Express brings no types.
import express from 'express';
// @ts-expect-error It brings no types.
import session from 'express-session';
// @ts-expect-error It brings no types.
import passport from 'passport';
// @ts-expect-error It brings no types.
import OpenIDConnectStrategy from 'passport-openidconnect';
import t from '../support/tap.ts';
import { fromNpm, stock } from './record.ts';
import { decide, goThrough, logIn, startSite, startWorld } from './world.ts';

const world = await startWorld(t);
type Done = (error: unknown, user?: object) => void;
type Request = { user?: object };
type Response = { json(body: unknown): void };

await stock(fromNpm('passport-openidconnect'), async (t, flow) => {
  const site = await startSite(t, async (url) => {
    const metadata = (await (await fetch(world.discoveryUrl)).json()) as Record<string, string>;
    // It knows no PKCE, and sends a nonce where it is told to.
    const strategy = async (path: string, pkce: 'off' | 'if-sent', options: object) => {
      const made = await world.client({
        preset: 'web',
        redirectUris: [`${url}${path}/cb`],
        settings: { pkce },
        isFirstParty: false,
        requests: [],
      });
      return new OpenIDConnectStrategy(
        {
          issuer: world.issuer,
          authorizationURL: metadata['authorization_endpoint'],
          tokenURL: metadata['token_endpoint'],
          userInfoURL: metadata['userinfo_endpoint'],
          clientID: made.clientId,
          clientSecret: made.secret,
          callbackURL: `${url}${path}/cb`,
          scope: 'profile email',
          // Its own way to have userinfo asked.
          skipUserProfile: false,
          ...options,
        },
        (issuer: string, profile: object, done: Done) => done(null, { issuer, ...profile }),
      );
    };
    passport.serializeUser((user: object, done: Done) => done(null, user));
    passport.deserializeUser((user: object, done: Done) => done(null, user));
    const app = express();
    app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }));
    app.use(passport.session());
    const failing = { failureRedirect: '/failed', failureMessage: true };
    const home = (_: Request, response: { redirect(to: string): void }) => response.redirect('/');
    const ways = [
      ['/plain', 'off', {}],
      ['/nonce', 'if-sent', { nonce: true }],
      ['/neither', 'if-sent', {}],
    ] as const;
    for (const [path, pkce, options] of ways) {
      passport.use(path, await strategy(path, pkce, options));
      app.get(`${path}/login`, passport.authenticate(path, failing));
      app.get(`${path}/cb`, passport.authenticate(path, failing), home);
    }
    app.get('/', (request: Request, response: Response) => response.json(request.user ?? null));
    app.get('/failed', (_: Request, response: Response) => response.json('failed'));
    return app;
  });

  await flow('authorization code without PKCE and nonce, consent, userinfo', async (t) => {
    const page = await goThrough(world.browser(), `${site.url}/plain/login`);
    t.same(page.asked, ['login', 'consent']);
    t.equal(page.url.href, `${site.url}/`, page.text);
    t.match(JSON.parse(page.text), {
      issuer: world.issuer,
      username: 'alice',
      emails: [{ value: 'alice@example.com' }],
    });
  });

  await flow('authorization code without PKCE, with a nonce, for a client of --pkce if-sent', async (t) => {
    const page = await goThrough(world.browser(), `${site.url}/nonce/login`);
    t.equal(page.url.href, `${site.url}/`, page.text);
    t.match(JSON.parse(page.text), { username: 'alice' });
    const refused = await world.browser().open(`${site.url}/neither/login`);
    t.equal(refused.url.searchParams.get('error'), 'invalid_request', 'without either, refused before anybody logs in');
  });

  await flow('consent denied', async (t) => {
    const page = await decide(await logIn(await world.browser().open(`${site.url}/plain/login`), 'bob'), 'deny');
    t.equal(page.url.pathname, '/failed');
  });
});
