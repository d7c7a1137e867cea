import { allowPermissions, createClient } from '../../src/oauth/index.ts';
import { assign, changeCatalogue, createApi, defaultPermissions, getPermissions } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { audit, makeUser, startApp, testClock } from '../support/server.ts';

const PASSWORD = 'a long enough phrase';
export const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

export interface DeviceAuthorization {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

/** The cheapest hashing that the settings accept, and a high limit of devices: these tests sign in often. */
const cheap = { SIGNET_ARGON2_MEMORY: '7168', SIGNET_ARGON2_ITERATIONS: '1', SIGNET_THROTTLE_DEVICE: '1000' };

/** Two users, devices of a first-party client and of another one, and the requests between them. */
export async function deviceWorld(db: Database, environment: Record<string, string> = {}) {
  const clock = testClock();
  const service = await startApp(db, { clock, environment: { ...cheap, ...environment } });
  const polls = await createApi(db.fork(), audit(), 'polls', { name: 'The polls' });
  await changeCatalogue(db.fork(), audit(), polls, defaultPermissions('polls', 'choice'));
  const permission = async (name: string) => (await getPermissions(db.fork(), polls, [name])) as never;
  const device = async (name: string, isFirstParty: boolean) =>
    (await createClient(db.fork(), audit(), { name, preset: 'device', isFirstParty, requests: [polls] })).client;
  const [tv, box] = [await device('Television', true), await device('Some <b>box</b>', false)];
  const { client: service1, secret } = await createClient(db.fork(), audit(), {
    name: 'Service',
    preset: 'service',
    requests: [polls],
    serves: [polls],
  });
  await allowPermissions(db.fork(), audit(), box, await permission('polls.add_choice'));
  await allowPermissions(db.fork(), audit(), box, await permission('polls.view_choice'));
  const [alice, bob] = [
    await makeUser(db, service.passwords, 'alice', PASSWORD),
    await makeUser(db, service.passwords, 'bob', PASSWORD),
  ];
  for (const name of ['polls.add_choice', 'polls.delete_choice'])
    await assign(
      db.fork(),
      audit(),
      { kind: 'user', principal: { id: alice.id, label: 'alice' } },
      await permission(name),
    );

  const form = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    service.app.inject({
      method: 'POST',
      url: `/oauth2/${path}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(fields).toString(),
    });
  const begin = async (by = tv, fields: Record<string, string> = {}): Promise<DeviceAuthorization> =>
    (await form('device_authorization', { client_id: by.clientId, ...fields })).json();
  const poll = (code: string, by = tv, fields: Record<string, string> = {}) =>
    form('token', { grant_type: DEVICE, device_code: code, client_id: by.clientId, ...fields });
  const logIn = async (username: string): Promise<string> => {
    const response = await service.app.inject({
      method: 'POST',
      url: '/api/v1/login',
      payload: { username, password: PASSWORD },
    });
    const [{ name, value }] = response.cookies as [{ name: string; value: string }];
    return `${name}=${value}`;
  };
  const page = (cookie: string, query = '') =>
    service.app.inject({ url: `/oauth2/device${query}`, headers: cookie === '' ? {} : { cookie } });
  const submit = (cookie: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    form('device', fields, { ...(cookie === '' ? {} : { cookie }), ...headers });
  const confirmationIn = (body: string) => /name="confirmation" value="([\w-]+)"/.exec(body)?.[1] ?? '';
  const decide = async (cookie: string, userCode: string, decision: string) => {
    const confirmation = confirmationIn((await submit(cookie, { user_code: userCode })).body);
    return submit(cookie, { user_code: userCode, decision, confirmation });
  };
  const introspect = async (token: string) => {
    const authorization = `Basic ${Buffer.from(`${service1.clientId}:${secret}`).toString('base64')}`;
    return (await form('introspect', { token }, { authorization })).json();
  };
  const people = { alice, bob, logIn };
  const flow = { form, begin, poll, page, submit, decide, confirmationIn, introspect };
  return {
    ...service,
    ...people,
    ...flow,
    clock,
    polls,
    tv,
    box,
    service1: { client: service1, secret: secret as string },
  };
}
