import { AuthorizationCode } from '../../src/oauth/authorization-entities.ts';
import type { ClientSettings, Preset } from '../../src/oauth/client-settings/index.ts';
import { ClientBoundary } from '../../src/oauth/entities.ts';
import { Client, createClient } from '../../src/oauth/index.ts';
import { getPermissions } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { digest } from '../../src/platform/digest.ts';
import { CALLBACK, CHALLENGE, codeWorld, PASSWORD, type TestClient } from '../oauth/code-world.ts';
import { type AppOptions, audit, makeUser } from '../support/server.ts';
import { newBrowser, responseParameters } from './browser.ts';

export { CALLBACK, CHALLENGE, PASSWORD };

const cheap = { SIGNET_ARGON2_MEMORY: '7168', SIGNET_ARGON2_ITERATIONS: '1', SIGNET_HASH_QUEUE: '1000' };

/** `codeWorld` with browsers, a client of another developer that may ask for two permissions, and bob. */
export async function webWorld(db: Database, settings: Record<string, string> = {}, more: Partial<AppOptions> = {}) {
  const s = await codeWorld(db, { ...cheap, ...settings }, more);
  const bob = await makeUser(db, s.passwords, 'bob', PASSWORD);

  const register = async (name: string, preset: Preset, redirectUris: string[], isFirstParty = false) => {
    const given = { name, preset, isFirstParty, redirectUris, requests: [s.api] };
    const { client, secret } = await createClient(db.fork(), audit(s.clock.now()), given);
    return { id: client.clientId, principal: client.id, secret };
  };
  const set = (client: TestClient, change: Partial<ClientSettings>) =>
    db.fork().nativeUpdate(Client, { id: client.principal }, { settings: change });
  const allow = async (client: TestClient, ...names: string[]) => {
    const em = db.fork();
    for (const one of await getPermissions(em, s.api, names))
      em.persist(em.create(ClientBoundary, { client: client.principal, permission: one.id }));
    await em.flush();
  };

  /** The URL of an authorization request, as a stock client builds it. */
  const urlFor = (client: TestClient, more: Record<string, string | undefined> = {}) => {
    const all = {
      client_id: client.id,
      response_type: 'code',
      redirect_uri: CALLBACK,
      scope: 'openid',
      state: 's-1',
      nonce: 'n-1',
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
      ...more,
    };
    const kept = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined);
    return `/oauth2/authorize?${new URLSearchParams(kept)}`;
  };
  const openBrowser = () => newBrowser(s.app, s.issuer);
  type Browser = ReturnType<typeof openBrowser>;
  /** Opens a browser and signs a user in. */
  const signedInBrowser = async (username = 'alice') => {
    const browser = openBrowser();
    const { response } = await browser.send('POST', '/login', { username, password: PASSWORD });
    if (response.statusCode !== 303) throw new Error(`${username} could not log in: ${response.body}`);
    return browser;
  };
  const ask = async (browser: Browser, client: TestClient, more: Record<string, string | undefined> = {}) =>
    browser.open(urlFor(client, more));
  const answer = async (browser: Browser, client: TestClient, more: Record<string, string | undefined> = {}) =>
    responseParameters(await ask(browser, client, more));
  const codeRow = (code: unknown) => db.fork().findOneOrFail(AuthorizationCode, digest(String(code)));
  const codes = () => db.fork().count(AuthorizationCode);
  return { ...s, bob, register, set, allow, urlFor, openBrowser, signedInBrowser, ask, answer, codeRow, codes };
}

export type WebWorld = Awaited<ReturnType<typeof webWorld>>;
