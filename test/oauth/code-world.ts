import { createHash } from 'node:crypto';
import { issueCode, type NewCode } from '../../src/oauth/authorize/code.ts';
import type { Preset } from '../../src/oauth/client-settings/index.ts';
import { ClientBoundary } from '../../src/oauth/entities.ts';
import { createClient } from '../../src/oauth/index.ts';
import {
  addMembers,
  assign,
  changeCatalogue,
  createApi,
  createGroup,
  defaultPermissions,
  getPermissions,
} from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { type AppOptions, audit, makeUser, startApp, testClock } from '../support/server.ts';

export const PASSWORD = 'a long enough phrase';
export const VERIFIER = 'a-verifier-of-the-client-that-is-long-enough-0123456789';
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
export const CALLBACK = 'https://app.example/cb';

export interface TestClient {
  readonly id: string;
  readonly principal: string;
  readonly secret: string | null;
}

export const jwtClaims = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());
export const jwtHeader = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString());

/** A user with permissions, an API, and a client of each kind. */
export async function codeWorld(db: Database, settings: Record<string, string> = {}, more: Partial<AppOptions> = {}) {
  const clock = testClock();
  const service = await startApp(db, { clock, environment: settings, ...more });
  const { app } = service;
  const api = await createApi(db.fork(), audit(), 'polls', { name: 'Polls' });
  await changeCatalogue(db.fork(), audit(), api, defaultPermissions('polls', 'choice'));
  const alice = await makeUser(db, service.passwords, 'alice', PASSWORD, { email: 'alice@example.com' });
  const asUser = { kind: 'user' as const, principal: { id: alice.id, label: 'alice' } };
  const choicePermissions = async (...names: string[]) =>
    getPermissions(
      db.fork(),
      api,
      names.map((one) => `polls.${one}_choice`),
    );
  await assign(db.fork(), audit(), asUser, await choicePermissions('add', 'change', 'view'));
  const group = await createGroup(db.fork(), audit(), 'Editors');
  await addMembers(db.fork(), audit(), group, [{ id: alice.id, label: 'alice' }]);
  const make = async (name: string, preset: Preset, isFirstParty: boolean): Promise<TestClient> => {
    const given = { name, preset, isFirstParty, redirectUris: [CALLBACK], requests: [api], serves: [api] };
    const { client, secret } = await createClient(db.fork(), audit(clock.now()), given);
    return { id: client.clientId, principal: client.id, secret };
  };
  const web = await make('Web', 'web', true);
  const third = await make('Third', 'web', false);
  const spa = await make('Spa', 'spa', true);
  const under = await choicePermissions('view', 'delete', 'add');
  const em = db.fork();
  for (const one of under) em.persist(em.create(ClientBoundary, { client: third.principal, permission: one.id }));
  await em.flush();
  const post = (
    path: string,
    fields: Record<string, string>,
    by: TestClient = web,
    headers: Record<string, string> = {},
  ) =>
    app.inject({
      method: 'POST',
      url: `/oauth2/${path}`,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(by.secret === null
          ? {}
          : { authorization: `Basic ${Buffer.from(`${by.id}:${by.secret}`).toString('base64')}` }),
        ...headers,
      },
      payload: new URLSearchParams(by.secret === null ? { client_id: by.id, ...fields } : fields).toString(),
    });
  /** Signs a user in by the login API. */
  const signIn = async (username = 'alice') => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/login',
      payload: { username, password: PASSWORD },
    });
    const [cookie] = answer.cookies as [{ name: string; value: string }];
    return { session: answer.json().session as { id: string }, cookie: `${cookie.name}=${cookie.value}` };
  };
  /** Signs in a user whose list of permissions exceeds the smallest budget. */
  const signInOverBudget = async () => {
    const user = await makeUser(db, service.passwords, 'longa', PASSWORD);
    const specs = Array.from({ length: 60 }, (_, at) => ({
      app: 'polls',
      codename: `a_rather_long_codename_${at}`,
      label: 'x',
    }));
    await changeCatalogue(db.fork(), audit(), api, specs);
    const all = await getPermissions(
      db.fork(),
      api,
      specs.map((one) => `polls.${one.codename}`),
    );
    await assign(db.fork(), audit(), { kind: 'user', principal: { id: user.id, label: 'longa' } }, all);
    return signIn('longa');
  };
  const { session, cookie } = await signIn();
  const code = async (by: TestClient = web, more: Partial<NewCode> = {}) => {
    const given = {
      client: by.principal,
      session: session.id,
      api: api.id,
      scope: 'openid profile',
      permissions: null,
      isOffline: false,
      redirectUri: CALLBACK,
      codeChallenge: CHALLENGE,
      nonce: 'n-0',
      claims: null,
      dpopJkt: null,
      ...more,
    };
    const issued = await issueCode(db, given, { digests: [], interaction: null }, clock.now());
    if (typeof issued === 'string') throw new Error(issued);
    return issued.code;
  };
  const redeem = (given: string, more: Record<string, string> = {}, by: TestClient = web) =>
    post(
      'token',
      { grant_type: 'authorization_code', code: given, redirect_uri: CALLBACK, code_verifier: VERIFIER, ...more },
      by,
    );
  const introspect = async (token: string, by: TestClient = web) => (await post('introspect', { token }, by)).json();
  const about = (token: string) =>
    app.inject({ method: 'GET', url: '/oauth2/userinfo', headers: { authorization: `Bearer ${token}` } });
  return {
    ...service,
    db,
    clock,
    api,
    alice,
    web,
    third,
    spa,
    make,
    signInOverBudget,
    choicePermissions,
    post,
    signIn,
    session,
    cookie,
    code,
    redeem,
    introspect,
    about,
    asUser,
  };
}
