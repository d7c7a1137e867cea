import type { ClientSettings, Preset } from '../../src/oauth/client-settings/index.ts';
import { allowPermissions, Client, createClient, type NewClient, updateClient } from '../../src/oauth/index.ts';
import type { ApiSettings } from '../../src/permissions/api-settings/index.ts';
import {
  type Api,
  type Assignee,
  addMembers,
  assign,
  changeCatalogue,
  createApi,
  createGroup,
  defaultPermissions,
  findApi,
  type Group,
  getPermissions,
  type PermissionSpec,
  unassign,
  updateApi,
} from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import type { Clock } from '../../src/platform/time.ts';
import { browserFlow, CALLBACK, codeFlow, deviceFlow, EXCHANGE, logoutFlow } from './flows.ts';
import { type ClientCredentials, type Fields, type Headers, type LoginOptions, openHttp, PASSWORD } from './http.ts';
import { type AppOptions, audit, makeUser, startApp, type TestClock, testClock } from './server.ts';

// What a test begins with: a service on a test database, and a line for each API, user, group and client in it.
//
//   const world = await openWorld(db);
//   const polls = await world.api('polls', { models: ['polls.choice'] });
//   const anna = await world.user('anna');
//   await world.assign(anna, polls, 'polls.add_choice');
//   const shop = await world.client('Shop', { requests: [polls] });

export interface TestClient extends ClientCredentials {
  /** Its `client_id`. The verbs of the domain take its principal: `{ id: client.principal }`. */
  readonly id: string;
  /** The id of its principal. */
  readonly principal: string;
}

interface NewTestApi extends ApiSettings {
  /** `app.model`: each with Django's four permissions. */
  readonly models?: readonly string[];
  readonly permissions?: readonly PermissionSpec[];
}

/** Only these presets have a secret. */
type Secret<P extends Preset> = P extends 'service' | 'web' ? string : null;

type Principal = { readonly id: string; readonly username: string } | TestClient | Group;

/** The cheapest hashing that the settings accept, and a queue that no test fills. */
const cheapHashing = {
  SIGNET_ARGON2_MEMORY: '7168',
  SIGNET_ARGON2_ITERATIONS: '1',
  SIGNET_HASH_QUEUE: '1000',
  SIGNET_HASH_WAIT_MS: '60000',
};

/** To whom permissions are assigned. */
export function assignee(to: Exclude<Principal, Group>): Extract<Assignee, { principal: unknown }>;
export function assignee(to: Principal): Assignee;
export function assignee(to: Principal): Assignee {
  if ('username' in to) return { kind: 'user', principal: { id: to.id, label: to.username } };
  if ('principal' in to) return { kind: 'client', principal: { id: to.principal, label: to.id } };
  return { kind: 'group', group: to };
}

/** APIs, groups and clients on a test database, without a service. */
export function testData(db: Database, clock: Clock = testClock()) {
  const at = () => audit(clock.now());
  const permissions = (api: Api, ...names: string[]) => getPermissions(db.fork(), api, names);
  return {
    /** The audit context of now. */
    at,
    permissions,
    async api(audience: string, { models = [], permissions = [], ...settings }: NewTestApi = {}): Promise<Api> {
      const api = await createApi(db.fork(), at(), audience, settings);
      const specs = models.flatMap((one) => defaultPermissions(...(one.split('.') as [string, string])));
      if (specs.length + permissions.length > 0)
        await changeCatalogue(db.fork(), at(), api, [...specs, ...permissions]);
      return api;
    },
    /** Signet's own API. */
    ownApi: async () => (await findApi(db.fork(), 'signet')) as Api,
    async group(name: string, ...members: readonly { id: string; username: string }[]): Promise<Group> {
      const group = await createGroup(db.fork(), at(), name);
      const labels = members.map(({ id, username }) => ({ id, label: username }));
      if (labels.length > 0) await addMembers(db.fork(), at(), group, labels);
      return group;
    },
    /** A service, unless a preset is given. */
    async client<P extends Preset = 'service'>(name: string, more: Partial<NewClient> & { preset?: P } = {}) {
      const { client, secret } = await createClient(db.fork(), at(), { preset: 'service', ...more, name });
      return { id: client.clientId, principal: client.id, secret: secret as Secret<P>, name };
    },
    assign: async (to: Principal, api: Api, ...names: string[]) =>
      assign(db.fork(), at(), assignee(to), await permissions(api, ...names)),
    unassign: async (to: Principal, api: Api, ...names: string[]) =>
      unassign(db.fork(), at(), assignee(to), await permissions(api, ...names)),
    /** Adds to the boundary of a client that is not first-party. */
    allow: async ({ principal }: TestClient, api: Api, ...names: string[]) =>
      allowPermissions(db.fork(), at(), { id: principal }, await permissions(api, ...names)),
    updateApi: (api: Pick<Api, 'id'>, settings: ApiSettings) => updateApi(db.fork(), at(), api, settings),
    updateClient: ({ principal }: Pick<TestClient, 'principal'>, change: Parameters<typeof updateClient>[3]) =>
      updateClient(db.fork(), at(), { id: principal }, change),
    /** Replaces all settings of a client, unchecked. */
    set: ({ principal }: TestClient, settings: Partial<ClientSettings>) =>
      db.fork().nativeUpdate(Client, { id: principal }, { settings }),
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** The whole service, with no users, APIs or clients. Its clock stops; hashing is cheap. */
export async function openWorld<C extends Clock = TestClock>(
  db: Database,
  options: Omit<AppOptions, 'clock'> & { readonly clock?: C } = {},
) {
  const clock = options.clock ?? (testClock() as Clock as C);
  const service = await startApp(db, { ...options, clock, environment: { ...cheapHashing, ...options.environment } });
  return {
    ...service,
    ...testData(db, clock),
    db,
    clock,
    http: openHttp(service.app),
    /** A user with the password of all. */
    user: (username: string, more: Parameters<typeof makeUser>[4] = {}) =>
      makeUser(db, service.passwords, username, PASSWORD, more),
  };
}

export type WorldOptions = Omit<AppOptions, 'clock'> & { readonly clock?: TestClock };
export type Polls = Awaited<ReturnType<typeof openPolls>>;

/**
 * The API polls with choices. Alice, of the group Editors, may add, change and view them; she is signed in. The clients Web and Spa are
 * first-party; Third is another developer's, and its boundary is to view, delete and add choices.
 */
export async function openPolls(db: Database, options: WorldOptions = {}) {
  const world = await openWorld(db, options);
  const polls = await world.api('polls', { name: 'Polls', models: ['polls.choice'] });
  const alice = await world.user('alice', { email: 'alice@example.com' });
  await world.assign(alice, polls, 'polls.add_choice', 'polls.change_choice', 'polls.view_choice');
  await world.group('Editors', alice);
  const given = { redirectUris: [CALLBACK], requests: [polls], serves: [polls] };
  const web: TestClient = await world.client('Web', { preset: 'web', isFirstParty: true, ...given });
  const third: TestClient = await world.client('Third', { preset: 'web', ...given });
  const spa: TestClient = await world.client('Spa', { preset: 'spa', isFirstParty: true, ...given });
  await world.allow(third, polls, 'polls.view_choice', 'polls.delete_choice', 'polls.add_choice');
  const signIn = (username = 'alice') => world.http.logIn(username);
  const { session, cookie } = await signIn();
  return {
    ...world,
    ...codeFlow(world, { polls, web, session }),
    ...browserFlow(world),
    ...{ polls, alice, web, third, spa, signIn, session, cookie },
    asUser: assignee(alice),
    choicePermissions: (...names: string[]) => world.permissions(polls, ...names.map((one) => `polls.${one}_choice`)),
    /** Signs in a user whose list of permissions exceeds the smallest budget. */
    async signInOverBudget() {
      const codenames = Array.from({ length: 60 }, (_, at) => `a_rather_long_codename_${at}`);
      const specs = codenames.map((codename) => ({ app: 'polls', codename, label: 'x' }));
      await changeCatalogue(db.fork(), world.at(), polls, specs);
      await world.assign(await world.user('longa'), polls, ...codenames.map((one) => `polls.${one}`));
      return signIn('longa');
    },
  };
}

/** Polls, the API ledger, which alice may view, and services that are called with tokens and call others. */
export async function openServices(db: Database) {
  const world = await openPolls(db);
  const { polls, alice } = world;
  const ledger = await world.api('https://ledger.example', { name: 'Ledger', models: ['ledger.entry'] });
  await world.assign(alice, ledger, 'ledger.view_entry');
  const signet = await world.ownApi();
  const service = (name: string, more: Partial<NewClient>) =>
    world.client(name, {
      isFirstParty: true,
      grantTypes: [EXCHANGE, 'client_credentials'],
      ...more,
    }) as Promise<TestClient>;
  const backend = await service('Backend', { requests: [polls, ledger], serves: [polls] });
  const books = await service('Books', { requests: [ledger, polls], serves: [ledger] });
  const outside = await service('Outside', { isFirstParty: false, requests: [polls, ledger], serves: [polls] });
  const helpDesk = await service('Help desk', { requests: [polls, signet], serves: [signet, polls] });
  return { ...world, ledger, signet, service, backend, books, outside, helpDesk };
}

/** Alice may add and delete choices, bob may nothing. Tv is first-party; box may let its users add and view choices. */
export async function openDevices(db: Database, environment: Record<string, string> = {}) {
  const world = await openWorld(db, { environment: { SIGNET_THROTTLE_DEVICE: '1000', ...environment } });
  const polls = await world.api('polls', { name: 'The polls', models: ['polls.choice'] });
  const [alice, bob] = [await world.user('alice'), await world.user('bob')];
  await world.assign(alice, polls, 'polls.add_choice', 'polls.delete_choice');
  const tv = await world.client('Television', { preset: 'device', isFirstParty: true, requests: [polls] });
  const box = await world.client('Some <b>box</b>', { preset: 'device', requests: [polls] });
  const service = await world.client('Service', { requests: [polls], serves: [polls] });
  await world.allow(box, polls, 'polls.add_choice', 'polls.view_choice');
  return {
    ...world,
    ...deviceFlow(world, tv),
    ...{ polls, alice, bob, tv, box, service },
    form: (endpoint: string, fields: Fields, headers: Headers = {}) =>
      world.http.form(`/oauth2/${endpoint}`, fields, headers),
    /** Logs a user in, and returns the cookie. */
    logIn: async (username: string) => (await world.http.logIn(username)).cookie,
    introspect: async (token: string) => (await world.http.oauth('introspect', { token }, service)).json(),
  };
}

/** Alice and bob, who log in, and clients that hold grants in their sessions. */
export async function openSessions(db: Database, environment: Record<string, string> = {}) {
  const world = await openWorld(db, { environment });
  const polls = await world.api('polls');
  for (const username of ['alice', 'bob']) await world.user(username);
  const make = async (name: string, settings: Partial<ClientSettings>) => {
    const given = { preset: 'web', isFirstParty: true, redirectUris: [CALLBACK], requests: [polls] } as const;
    const client = await world.client(name, given);
    await world.set(client, settings);
    return client;
  };
  return {
    ...world,
    ...logoutFlow(world, polls),
    make,
    logIn: (username = 'alice', options: LoginOptions = {}) => world.http.logIn(username, options),
  };
}

/** Alice, bob and the superuser root, the API polls, and the service that requests and serves it. */
export async function openUsers(db: Database, options: WorldOptions = {}) {
  const world = await openWorld(db, options);
  const { http } = world;
  for (const name of ['alice', 'bob', 'root']) await world.user(name, { isSuperuser: name === 'root' });
  const polls = await world.api('polls');
  const service = await world.client('the service', { requests: [polls], serves: [polls] });
  return {
    ...world,
    polls,
    service,
    post: (url: string, body: object | string, headers: Headers = {}) => http.json(url, body, headers),
    logIn: (username: string, audience = 'polls') => http.logIn(username, { audience }),
    /** The user of a session cookie; '' for none. */
    who: async (cookie: string): Promise<string> =>
      (await http.as({ cookie }).get('/api/v1/session')).json().user.username,
    hasPerm: http.hasPerm,
    introspect: (token: string) => http.oauth('introspect', { token }, service),
  };
}
