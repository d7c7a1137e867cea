// @ts-expect-error Express brings no types.
import express from 'express';
// @ts-expect-error It brings no types.
import session from 'express-session';
// @ts-expect-error It brings no types.
import passport from 'passport';
// @ts-expect-error It brings no types.
import OpenIDConnectStrategy from 'passport-openidconnect';
import t from 'tap';
import { fromNpm, stock } from './record.ts';
import { decide, goThrough, logIn, startScene, startSite } from './scene.ts';

const scene = await startScene(t);
type Done = (error: unknown, user?: object) => void;
type Request = { user?: object };
type Response = { json(body: unknown): void };

await stock(fromNpm('passport-openidconnect'), async (t, flow) => {
  const site = await startSite(t, async (url) => {
    // It knows no PKCE: a client of this kind has it switched off.
    const made = await scene.client({
      preset: 'web',
      redirectUris: [`${url}/cb`],
      settings: { requirePkce: false },
      isFirstParty: false,
      requests: [],
    });
    const metadata = (await (await fetch(scene.discoveryUrl)).json()) as Record<string, string>;
    passport.use(
      new OpenIDConnectStrategy(
        {
          issuer: scene.issuer,
          authorizationURL: metadata['authorization_endpoint'],
          tokenURL: metadata['token_endpoint'],
          userInfoURL: metadata['userinfo_endpoint'],
          clientID: made.clientId,
          clientSecret: made.secret,
          callbackURL: `${url}/cb`,
          scope: 'profile email',
          // Its own way to have userinfo asked.
          skipUserProfile: false,
        },
        (issuer: string, profile: object, done: Done) => done(null, { issuer, ...profile }),
      ),
    );
    passport.serializeUser((user: object, done: Done) => done(null, user));
    passport.deserializeUser((user: object, done: Done) => done(null, user));
    const app = express();
    app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }));
    app.use(passport.session());
    app.get('/login', passport.authenticate('openidconnect'));
    app.get(
      '/cb',
      passport.authenticate('openidconnect', { failureRedirect: '/failed', failureMessage: true }),
      (_: Request, response: { redirect(to: string): void }) => response.redirect('/'),
    );
    app.get('/', (request: Request, response: Response) => response.json(request.user ?? null));
    app.get('/failed', (_: Request, response: Response) => response.json('failed'));
    return app;
  });

  await flow('authorization code without PKCE and nonce, consent, userinfo', async (t) => {
    const page = await goThrough(scene.browser(), `${site.url}/login`);
    t.same(page.asked, ['login', 'consent']);
    t.equal(page.url.href, `${site.url}/`, page.text);
    t.match(JSON.parse(page.text), {
      issuer: scene.issuer,
      username: 'alice',
      emails: [{ value: 'alice@example.com' }],
    });
  });

  await flow('consent denied', async (t) => {
    const page = await decide(await logIn(await scene.browser().open(`${site.url}/login`), 'bob'), 'deny');
    t.equal(page.url.pathname, '/failed');
  });
});
