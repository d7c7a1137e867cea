import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import type { NewClient } from '../../src/oauth/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { prepareDatabase } from '../../src/server/own-permissions.ts';
import { ensureCurrentKey } from '../../src/tokens/index.ts';
import { newBrowser, responseParameters } from '../support/browser.ts';
import {
  type Alg,
  assertionParameters,
  type ClientKey,
  clientKey,
  makeAssertion,
  proofBy,
} from '../support/client-keys.ts';
import { PASSWORD } from '../support/http.ts';
import { audit, masterKey, testClock } from '../support/server.ts';
import { openWorld } from '../support/world.ts';

export const ISSUER = 'https://id.example';
export const CALLBACK = 'https://suite.example/test/a/signet/callback';

/** A client of the profile: private_key_jwt by one algorithm, PAR, DPoP, ES256 and a refresh token that stays, each by its own switch. */
export interface FapiClient {
  readonly id: string;
  readonly key: ClientKey;
}

export interface FapiTokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
  readonly token_type: string;
}

/** What differs from a right assertion, or from a right proof. */
export interface Differs {
  readonly claims?: object;
  readonly header?: object;
  readonly key?: ClientKey;
}

export type FapiPlan = Awaited<ReturnType<typeof openFapiPlan>>;

/** The whole service at https, alice, and the two clients that the plan is configured with. */
export async function openFapiPlan(db: Database) {
  const clock = testClock();
  // Signing keys are made with the first client that asks; here before the process reads them.
  await prepareDatabase(db, audit(clock.now()));
  await ensureCurrentKey(db.fork(), audit(clock.now()), masterKey, 'ES256');
  const world = await openWorld(db, { clock, environment: { SIGNET_ISSUER: ISSUER } });
  const { app, http } = world;
  await world.user('alice', { email: 'alice@example.com', firstName: 'Alice', lastName: 'Lind' });

  const make = async (name: string, alg: Alg, more: Partial<NewClient> = {}): Promise<FapiClient> => {
    const key = await clientKey(alg);
    const { id } = await world.client(name, {
      preset: 'web',
      authMethod: 'private_key_jwt',
      redirectUris: [CALLBACK],
      requests: [],
      ...more,
      settings: {
        // As docs/clients.md says, and keys that name no algorithm.
        jwks: { keys: [{ ...key.jwk, kid: name, use: 'sig' }] },
        assertionAlg: alg,
        refreshRotation: false,
        requirePushed: true,
        dpopBound: true,
        idTokenAlg: 'ES256',
      },
    });
    return { id, key };
  };
  const first = await make('first', 'PS256');
  const second = await make('second', 'ES256');

  const authenticated = async (by: FapiClient, { claims, header, key = by.key }: Differs = {}) =>
    assertionParameters(
      await makeAssertion(key, by.id, {
        audience: ISSUER,
        now: clock.now(),
        ...(claims ? { claims } : {}),
        ...(header ? { header } : {}),
      }),
    );
  const proof = (key: ClientKey, path: string, { claims, header }: Differs = {}, method = 'POST', token?: string) =>
    proofBy(key, {
      method,
      url: `${ISSUER}${path}`,
      now: clock.now(),
      ...(token ? { accessToken: token } : {}),
      claims: claims ?? {},
      header: header ?? {},
    });
  const post = http.form;

  const verifier = randomBytes(32).toString('base64url');
  const request = (more: Record<string, string | undefined> = {}) => {
    const all = {
      response_type: 'code',
      redirect_uri: CALLBACK,
      scope: 'openid',
      state: randomUUID(),
      nonce: randomUUID(),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    };
    return Object.fromEntries(Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined));
  };
  /** `null` leaves the assertion or the proof out. */
  const push = async (
    by: FapiClient,
    more: Record<string, string | undefined> = {},
    { assertion = {}, dpop }: { assertion?: Differs; dpop?: ClientKey } = {},
  ) =>
    post(
      '/oauth2/par',
      { ...request(more), client_id: by.id, ...(await authenticated(by, assertion)) },
      dpop ? { dpop: await proof(dpop, '/oauth2/par') } : {},
    );
  const pushed = async (...[by, more, how]: Parameters<typeof push>): Promise<string> => {
    const response = await push(by, more, how);
    if (response.statusCode !== 201) throw new Error(response.body);
    return response.json().request_uri;
  };

  const visit = () => newBrowser(app, ISSUER);
  type Browser = ReturnType<typeof visit>;
  const urlOf = (by: FapiClient, uri: string, more: Record<string, string> = {}) =>
    `${ISSUER}/oauth2/authorize?${new URLSearchParams({ client_id: by.id, request_uri: uri, ...more })}`;
  /** Where a browser ends up, after whoever is asked has logged in and answered; or has called it off where it was asked first. */
  const go = async (url: string, browser: Browser = visit(), decision: 'allow' | 'deny' = 'allow') => {
    let page = await browser.open(url);
    if (page.url.includes('/login') && decision === 'deny') {
      const [, action] = /action="(interaction\/[^"]+)"/.exec(page.response.body) ?? [];
      return browser.send('POST', `${ISSUER}/${action}`, { decision });
    }
    if (page.url.includes('/login')) page = await browser.submit(page, { username: 'alice', password: PASSWORD });
    if (page.response.statusCode === 200 && page.url.includes('/interaction/'))
      page = await browser.submit(page, { decision });
    return page;
  };
  const code = async (by: FapiClient, ...how: [Parameters<typeof push>[1]?, Parameters<typeof push>[2]?]) =>
    String(responseParameters(await go(urlOf(by, await pushed(by, ...how))))['code']);

  const token = async (
    by: FapiClient,
    fields: Record<string, string>,
    { assertion = {}, dpop }: { assertion?: Differs | null; dpop: ClientKey | null },
    of: Differs = {},
  ) =>
    post(
      '/oauth2/token',
      { ...fields, ...(assertion ? await authenticated(by, assertion) : { client_id: by.id }) },
      dpop ? { dpop: await proof(dpop, '/oauth2/token', of) } : {},
    );
  const redeem = async (
    by: FapiClient,
    given: string,
    how: Parameters<typeof token>[2],
    more: Record<string, string> = {},
    of: Differs = {},
  ) => {
    const fields = { grant_type: 'authorization_code', code: given, redirect_uri: CALLBACK, code_verifier: verifier };
    return token(by, { ...fields, ...more }, how, of);
  };
  const refresh = (by: FapiClient, given: string, how: Parameters<typeof token>[2]) =>
    token(by, { grant_type: 'refresh_token', refresh_token: given }, how);
  /** The whole flow. */
  const tokens = async (by: FapiClient, dpop: ClientKey): Promise<FapiTokens> => {
    const response = await redeem(by, await code(by), { dpop });
    if (response.statusCode !== 200) throw new Error(response.body);
    return response.json();
  };
  /** The resource of the plan. */
  const userinfo = async (accessToken: string, key: ClientKey, of: Differs = {}, scheme = 'DPoP') =>
    app.inject({
      url: '/oauth2/userinfo',
      headers: {
        authorization: `${scheme} ${accessToken}`,
        dpop: await proof(key, '/oauth2/userinfo', of, 'GET', accessToken),
      },
    });

  const document = (await app.inject('/.well-known/openid-configuration')).json() as Record<string, unknown>;
  const jwks = (await app.inject('/.well-known/jwks.json')).json() as JSONWebKeySet;
  return {
    app,
    db,
    api: world.api,
    clock,
    document,
    keys: createLocalJWKSet(jwks),
    first,
    second,
    make,
    request,
    push,
    pushed,
    visit,
    urlOf,
    go,
    code,
    token,
    redeem,
    refresh,
    tokens,
    userinfo,
    proof,
    post,
    authenticated,
    verifier,
  };
}
