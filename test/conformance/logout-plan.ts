import { createHash, randomBytes } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet } from 'jose';
import type { Test } from 'tap';
import type { Page } from '../clients/browser.ts';
import { goThrough, startWorld } from '../clients/world.ts';
import { basic } from '../support/http.ts';

/** Where the suite stands, as it makes it of its alias. No browser of a test goes there. */
const SUITE = 'https://suite.example/test/a/signet';
const CALLBACK = `${SUITE}/callback`;
export const SIGNED_OUT = `${SUITE}/post_logout_redirect`;
export const NOT_REGISTERED = `${SUITE}/bad_post_logout_redirect_uri`;

export type LogoutPlan = Awaited<ReturnType<typeof startLogoutPlan>>;

/** Signet over https, and the client that the two logout plans are configured with: client_secret_basic, and no PKCE. */
export async function startLogoutPlan(t: Test, settings: { readonly backchannelLogoutUri?: string } = {}) {
  const world = await startWorld(t);
  const { clientId, secret } = await world.client({
    preset: 'web',
    redirectUris: [CALLBACK],
    settings: { pkce: 'off', postLogoutRedirectUris: [SIGNED_OUT], ...settings },
  });
  const metadata = (await (await fetch(world.discoveryUrl)).json()) as Record<string, string>;
  const at = (name: string) => metadata[name] as string;

  /** A browser of a person, who has nothing here yet. */
  const visit = () => {
    const browser = world.browser({ stopAt: [CALLBACK, SIGNED_OUT, NOT_REGISTERED] });
    /** An authorization request of the suite: a nonce, and a state of 128 characters. */
    const ask = (more: Record<string, string> = {}) => {
      const state = text(128);
      const asked = { client_id: clientId, redirect_uri: CALLBACK, response_type: 'code', scope: 'openid', state };
      const url = `${at('authorization_endpoint')}?${new URLSearchParams({ ...asked, nonce: text(10), ...more })}`;
      return { url, state };
    };
    return {
      /** The normal flow, up to the ID token. */
      async signIn(): Promise<string> {
        const { url, state } = ask();
        const { searchParams } = (await goThrough(browser, url)).url;
        if (searchParams.get('state') !== state) throw new Error(`no answer to the suite: ${searchParams}`);
        const response = await fetch(at('token_endpoint'), {
          method: 'POST',
          headers: basic({ id: clientId, secret }),
          body: new URLSearchParams({
            grant_type: 'authorization_code',
            code: searchParams.get('code') as string,
            redirect_uri: CALLBACK,
          }),
        });
        return ((await response.json()) as { id_token: string }).id_token;
      },
      /** Sends the browser to the end_session_endpoint. */
      logOut: (fields: Record<string, string>): Promise<Page> =>
        browser.open(`${at('end_session_endpoint')}?${new URLSearchParams(fields)}`),
      /** The last step of every module that comes back: a request that must need a user interface now. */
      async isOut(own: Test): Promise<void> {
        const { url, state } = ask({ prompt: 'none' });
        const page = await browser.open(url);
        own.equal(`${page.url.origin}${page.url.pathname}`, CALLBACK);
        own.same(
          { ...Object.fromEntries(page.url.searchParams), error_description: undefined },
          { error: 'login_required', state, iss: world.issuer, error_description: undefined },
          'OIDC Core §3.1.2.6: and nothing beside it',
        );
      },
    };
  };

  return {
    world,
    clientId,
    metadata,
    visit,
    keys: createLocalJWKSet((await (await fetch(at('jwks_uri'))).json()) as JSONWebKeySet),
  };
}

/** What the suite sends to the end_session_endpoint, before a module changes it. */
export function logoutRequest(idToken: string) {
  return { id_token_hint: idToken, post_logout_redirect_uri: SIGNED_OUT, state: logoutState() };
}

/** Every printing character that a `state` may have (RFC 6749 Appendix A.5), but for those that the suite leaves out itself. */
function logoutState(): string {
  const all = Array.from({ length: 0x7e - 0x20 }, (_, at) => String.fromCharCode(0x21 + at)).filter(
    (one) => one !== '+',
  );
  return all.sort((a, b) => rank(a) - rank(b)).join('');
}

const rank = (character: string) => createHash('sha256').update(character).digest().readUInt32BE(0);

const text = (length: number) => randomBytes(length).toString('base64url').slice(0, length);

/** An ID token "signed" with `alg: none`. */
export function unsigned(idToken: string): string {
  const [, claims] = idToken.split('.');
  return `${Buffer.from('{"alg": "none"}').toString('base64url')}.${claims}.`;
}

/** The claims of an ID token that the module has checked before. */
export const jwtClaims = (idToken: string) => decodeJwt(idToken);
