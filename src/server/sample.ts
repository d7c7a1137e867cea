import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../audit/index.ts';
import { deleteSource } from '../imports/django/index.ts';
import { Client, createClient, deleteClient, detachClients, isClientSecret } from '../oauth/index.ts';
import type { Passwords } from '../passwords/index.ts';
import {
  Api,
  addMembers,
  assign,
  changeCatalogue,
  createApi,
  createGroup,
  defaultPermissions,
  deleteApi,
  deleteGroup,
  findApi,
  Group,
  getPermissions,
  Principal,
} from '../permissions/index.ts';
import { PlatformState } from '../platform/database/index.ts';
import { deriveKey } from '../platform/digest.ts';
import { createUser, deleteUser, User, updateUser } from '../users/index.ts';

/** Ids of the sample that `dev` created, so that only these rows are shown and removed. */
interface SampleState {
  readonly api: string;
  readonly group: string;
  readonly users: Record<string, string>;
  readonly clients: Record<string, string>;
  /** False for a sample of an earlier version. */
  readonly hasAddresses?: boolean;
}

export interface SampleUser {
  readonly username: string;
  /** Null if it has been changed. */
  readonly password: string | null;
}

export interface SampleClient {
  readonly client_id: string;
  /** Null if it has been changed. */
  readonly client_secret: string | null;
  readonly preset: string;
}

const SAMPLE_SERVICE = 'polls-service';
const SAMPLE_WEB = 'polls-web';

/** Redirect URIs of a playground on this machine. */
const webRedirects = ['http://127.0.0.1:4001/callback', 'http://localhost:4001/callback'];

export const SAMPLE_API = 'polls';
export const SAMPLE_GROUP = 'Poll editors';
const sampleModels = ['question', 'choice'];

/** Derived, not stored: the same master key gives the same password. */
function samplePassword(masterKey: Buffer, username: string): string {
  return deriveKey(masterKey, `sample:${username}`, 12).toString('base64url');
}

/** Like `samplePassword`, in the length of client secrets. */
function sampleSecret(masterKey: Buffer, name: string): string {
  return deriveKey(masterKey, `sample:client:${name}`).toString('base64url');
}

export async function findSample(em: SqlEntityManager): Promise<SampleState | null> {
  return ((await em.findOne(PlatformState, 'sample'))?.value ?? null) as SampleState | null;
}

/**
 * Creates the sample once: the API `polls`, a group that may edit polls, alice in it, bob without permissions, a service, and a first-party
 * web client.
 */
export async function createSample(
  em: SqlEntityManager,
  audit: AuditContext,
  passwords: Passwords,
  masterKey: Buffer,
): Promise<void> {
  const existing = await findSample(em.fork());
  if (existing) return completeSample(em.fork(), audit, existing, masterKey);
  const hashes = new Map<string, string>();
  for (const name of ['alice', 'bob']) hashes.set(name, (await passwords.hash(samplePassword(masterKey, name))) ?? '');
  await em.fork().transactional(async (tx) => {
    // Existing users keep these names and addresses: then there is no sample.
    if ((await findApi(tx, SAMPLE_API)) || (await areNamesTaken(tx, [...hashes.keys()]))) return;
    const { api, group } = await createSampleApi(tx, audit);
    const users = await createSampleUsers(tx, audit, hashes);
    await addMembers(tx, audit, group, [{ id: users['alice'] as string, label: 'alice' }]);
    const service = await createSampleService(tx, audit, api, masterKey);
    const value: SampleState = {
      api: api.id,
      group: group.id,
      users,
      clients: { [SAMPLE_SERVICE]: service.id, ...(await makeWebClient(tx, audit, api, masterKey)) },
      hasAddresses: true,
    };
    tx.persist(tx.create(PlatformState, { name: 'sample', value }));
  });
}

/** Creates the API with its catalogue, and the group that may edit polls. */
async function createSampleApi(tx: SqlEntityManager, audit: AuditContext): Promise<{ api: Api; group: Group }> {
  const api = await createApi(tx, audit, SAMPLE_API, { name: 'Polls (sample)' });
  await changeCatalogue(
    tx,
    audit,
    api,
    sampleModels.flatMap((model) => defaultPermissions(SAMPLE_API, model)),
  );
  const group = await createGroup(tx, audit, SAMPLE_GROUP);
  const names = sampleModels.flatMap((model) =>
    ['add', 'change', 'view'].map((action) => `${SAMPLE_API}.${action}_${model}`),
  );
  await assign(tx, audit, { kind: 'group', group }, await getPermissions(tx, api, names));
  return { api, group };
}

/** Creates the users from their password hashes. Returns their ids by name. */
async function createSampleUsers(
  tx: SqlEntityManager,
  audit: AuditContext,
  hashes: ReadonlyMap<string, string>,
): Promise<Record<string, string>> {
  const users: Record<string, string> = {};
  for (const [username, password] of hashes) {
    const user = await createUser(tx, audit, {
      username,
      password,
      firstName: username === 'alice' ? 'Alice' : 'Bob',
      email: sampleEmail(username),
      isEmailVerified: true,
    });
    if (user instanceof User) users[username] = user.id;
  }
  return users;
}

async function createSampleService(
  tx: SqlEntityManager,
  audit: AuditContext,
  api: Api,
  masterKey: Buffer,
): Promise<Client> {
  const service = await createClient(tx, audit, {
    name: SAMPLE_SERVICE,
    preset: 'service',
    requests: [api],
    serves: [api],
    secret: sampleSecret(masterKey, SAMPLE_SERVICE),
  });
  const principal = { id: service.client.id, label: SAMPLE_SERVICE };
  await assign(tx, audit, { kind: 'client', principal }, await getPermissions(tx, api, [`${SAMPLE_API}.view_choice`]));
  return service.client;
}

/** A domain for examples (RFC 2606), which receives no mail. */
function sampleEmail(username: string): string {
  return `${username}@example.com`;
}

async function areNamesTaken(tx: SqlEntityManager, usernames: readonly string[]): Promise<boolean> {
  const emailKey = { $in: usernames.map(sampleEmail) };
  if ((await tx.count(User, { emailKey, emailVerifiedAt: { $ne: null } })) > 0) return true;
  return (await tx.count(User, { usernameKey: { $in: [...usernames] }, deletedAt: null })) > 0;
}

/** Adds to an earlier version's sample what is new; deleted parts stay deleted. */
async function completeSample(
  em: SqlEntityManager,
  audit: AuditContext,
  state: SampleState,
  masterKey: Buffer,
): Promise<void> {
  const hasWeb = SAMPLE_WEB in state.clients;
  if (hasWeb && state.hasAddresses) return;
  await em.transactional(async (tx) => {
    const api = hasWeb ? null : await tx.findOne(Api, state.api);
    const added = api ? await makeWebClient(tx, audit, api, masterKey) : {};
    if (!state.hasAddresses) await addAddresses(tx, audit, state);
    const row = await tx.findOneOrFail(PlatformState, 'sample');
    row.value = { ...state, clients: { ...state.clients, ...added }, hasAddresses: true };
  });
}

/** Users who have an address keep it, and so do others who have the sample's address. */
async function addAddresses(tx: SqlEntityManager, audit: AuditContext, state: SampleState): Promise<void> {
  for (const [username, id] of Object.entries(state.users)) {
    const email = sampleEmail(username);
    const user = await tx.findOne(User, { id, email: '', deletedAt: null });
    const isTaken = (await tx.count(User, { emailKey: email, emailVerifiedAt: { $ne: null } })) > 0;
    if (user && !isTaken) await updateUser(tx, audit, user, { email, isEmailVerified: true });
  }
}

/** Creates the client of the playground, unless its name is taken. */
async function makeWebClient(
  tx: SqlEntityManager,
  audit: AuditContext,
  api: Api,
  masterKey: Buffer,
): Promise<SampleState['clients']> {
  if ((await tx.count(Client, { nameKey: SAMPLE_WEB })) > 0) return {};
  const { client } = await createClient(tx, audit, {
    name: SAMPLE_WEB,
    preset: 'web',
    isFirstParty: true,
    redirectUris: webRedirects,
    requests: [api],
    secret: sampleSecret(masterKey, SAMPLE_WEB),
  });
  return { [SAMPLE_WEB]: client.id };
}

/** Returns the sample's users with their passwords; deleted ones are left out. */
export async function listSampleUsers(
  em: SqlEntityManager,
  state: SampleState,
  passwords: Passwords,
  masterKey: Buffer,
): Promise<SampleUser[]> {
  const users: SampleUser[] = [];
  for (const name of Object.keys(state.users).sort()) {
    const user = await em.fork().findOne(User, { id: state.users[name] as string, deletedAt: null });
    if (!user) continue;
    const password = samplePassword(masterKey, name);
    const verification = await passwords.verify(password, user.password);
    users.push({ username: user.username, password: verification.ok && verification.matches ? password : null });
  }
  return users;
}

/** Returns the sample's clients with their secrets; deleted ones are left out. */
export async function listSampleClients(
  em: SqlEntityManager,
  state: SampleState,
  masterKey: Buffer,
  now: Date,
): Promise<SampleClient[]> {
  const clients: SampleClient[] = [];
  for (const name of Object.keys(state.clients).sort()) {
    const client = await em.fork().findOne(Client, state.clients[name] as string);
    if (!client) continue;
    const secret = sampleSecret(masterKey, name);
    const isCurrent = await isClientSecret(em.fork(), client, secret, now);
    clients.push({ client_id: client.clientId, client_secret: isCurrent ? secret : null, preset: client.preset });
  }
  return clients;
}

/** Deletes the sample by the rooms' own functions, including later additions to its API or group. */
export async function removeSample(em: SqlEntityManager, audit: AuditContext, state: SampleState): Promise<void> {
  await em.fork().transactional(async (tx) => {
    for (const id of Object.values(state.clients)) {
      const client = await tx.findOne(Client, id);
      if (client) await deleteClient(tx, audit, client);
    }
    const group = await tx.findOne(Group, state.group);
    if (group) await deleteGroup(tx, audit, group);
    for (const id of Object.values(state.users)) {
      const user = await tx.findOne(User, { id, deletedAt: null });
      if (user) await deleteUser(tx, audit, user);
      // The id was never used outside this development database, so its row can go.
      await tx.nativeDelete(Principal, { id });
    }
    const api = await tx.findOne(Api, state.api);
    if (api)
      await deleteApi(tx, audit, api, async (inner, deleted) => {
        await detachClients(inner, deleted.id);
        await deleteSource(inner, deleted.audience);
      });
    await tx.nativeDelete(PlatformState, { name: 'sample' });
    recordChange(tx, audit, { action: 'delete', object: { kind: 'sample', id: state.api, label: SAMPLE_API } });
    await tx.flush();
  });
}
