import { grantNames } from '../../src/oauth/client-settings/index.ts';
import { allowPermissions, createClient } from '../../src/oauth/index.ts';
import {
  type Api,
  assign,
  changeCatalogue,
  createApi,
  defaultPermissions,
  findApi,
  getPermissions,
} from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { audit, makeUser } from '../support/server.ts';
import { codeWorld, PASSWORD, type TestClient } from './code-world.ts';

export const EXCHANGE = grantNames['token-exchange'];
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/** The cheapest hashing that the settings accept. */
const cheap = { SIGNET_ARGON2_MEMORY: '7168', SIGNET_ARGON2_ITERATIONS: '1' };

/** `codeWorld`, another API `ledger`, and services that are called with tokens and call others. */
export async function exchangeWorld(db: Database) {
  const s = await codeWorld(db, cheap);
  const polls = s.api;
  const ledger = await createApi(db.fork(), audit(), 'https://ledger.example', { name: 'Ledger' });
  await changeCatalogue(db.fork(), audit(), ledger, defaultPermissions('ledger', 'entry'));
  const signet = (await findApi(db.fork(), 'signet')) as Api;
  const permissions = async (api: Api, ...names: string[]) => getPermissions(db.fork(), api, names);
  await assign(db.fork(), audit(), s.asUser, await permissions(ledger, 'ledger.view_entry'));

  const service = async (
    name: string,
    given: { isFirstParty?: boolean; requests: Api[]; serves?: Api[]; grantTypes?: string[]; dpop?: boolean },
  ): Promise<TestClient> => {
    const { client, secret } = await createClient(db.fork(), audit(), {
      name,
      preset: 'service',
      isFirstParty: given.isFirstParty ?? true,
      grantTypes: given.grantTypes ?? [EXCHANGE, 'client_credentials'],
      requests: given.requests,
      serves: given.serves ?? [],
    });
    return { id: client.clientId, principal: client.id, secret };
  };
  const backend = await service('Backend', { requests: [polls, ledger], serves: [polls] });
  const books = await service('Books', { requests: [ledger, polls], serves: [ledger] });
  const outside = await service('Outside', { isFirstParty: false, requests: [polls, ledger], serves: [polls] });
  const helpDesk = await service('Help desk', { requests: [polls, signet], serves: [signet, polls] });
  const setBoundary = async (of: TestClient, api: Api, ...names: string[]) =>
    allowPermissions(db.fork(), audit(), { id: of.principal }, await permissions(api, ...names));

  const exchange = (
    by: TestClient,
    token: string,
    more: Record<string, string> = {},
    headers: Record<string, string> = {},
  ) =>
    s.post(
      'token',
      { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN, ...more },
      by,
      headers,
    );
  /** A user's token for polls that a client gets by the code flow. */
  const subjectToken = async (by: TestClient = s.web, more: Parameters<typeof s.code>[1] = {}): Promise<string> =>
    (await s.redeem(await s.code(by, more), {}, by)).json().access_token;
  /** A user's token from the login API. */
  const loginToken = async (username: string, audience: string) => {
    const payload = { username, password: PASSWORD, audience };
    const response = await s.app.inject({ method: 'POST', url: '/api/v1/login', payload });
    if (response.statusCode !== 200) throw new Error(response.body);
    const [{ name, value }] = response.cookies as [{ name: string; value: string }];
    return {
      token: response.json().access_token as string,
      cookie: `${name}=${value}`,
      sid: response.json().session.id,
    };
  };
  const person = async (username: string, more: { isSuperuser?: boolean; isStaff?: boolean } = {}) =>
    makeUser(db, s.passwords, username, PASSWORD, more);
  const give = async (user: { id: string; username: string }, api: Api, ...names: string[]) =>
    assign(
      db.fork(),
      audit(),
      { kind: 'user', principal: { id: user.id, label: user.username } },
      await permissions(api, ...names),
    );
  return {
    ...s,
    polls,
    ledger,
    signet,
    backend,
    books,
    outside,
    helpDesk,
    service,
    setBoundary,
    exchange,
    subjectToken,
    loginToken,
    person,
    give,
    permissions,
  };
}
