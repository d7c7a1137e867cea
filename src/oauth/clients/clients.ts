import { randomBytes } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, difference, recordChange } from '../../audit/index.ts';
import { type Api, apiView, bumpPrincipals, createPrincipal, Principal } from '../../permissions/index.ts';
import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { Failure } from '../../platform/errors.ts';
import { deleteDeliveries } from '../../platform/outbox/index.ts';
import { suggest } from '../../platform/text.ts';
import { endClient, updateClientStatuses } from '../../tokens/index.ts';
import { requireDistinctIdTokens } from '../api-rules/index.ts';
import { Client, ClientApi, ClientSecret } from '../entities.ts';
import { auditObject, auditSnapshot } from './audit.ts';
import { type ClientShape, checkName, checkShape } from './check.ts';
import { type Preset, presets } from './presets.ts';
import { addSecret } from './secrets.ts';
import { type ClientSettings, clientSettings, storedSettings } from './settings.ts';
import { checkRedirects, type RedirectRules } from './uris.ts';

/** The options of a client besides its preset. */
interface ClientOptions {
  readonly redirectUris?: readonly string[];
  /** APIs that it may request tokens for. */
  readonly requests?: readonly Pick<Api, 'id' | 'audience'>[];
  /** APIs that it is the resource server of. */
  readonly serves?: readonly Pick<Api, 'id' | 'audience'>[];
  readonly isFirstParty?: boolean;
  /** Replaces the preset's method. */
  readonly authMethod?: Client['authMethod'];
  readonly grantTypes?: readonly string[];
  /** Only settings that differ from the defaults. */
  readonly settings?: Partial<ClientSettings>;
  /** The server's rules for redirect URIs; absent: none. */
  readonly redirectRules?: RedirectRules;
}

export interface NewClient extends ClientOptions {
  readonly name: string;
  readonly preset: Preset;
  /** Registers itself (RFC 7591). Its name is unverified and need not be unique. */
  readonly isDynamic?: boolean;
  /** Set by the sample only; otherwise generated. */
  readonly secret?: string;
}

/** The client and its secret, which is shown only now; null for one without a secret. */
export interface CreatedClient {
  readonly client: Client;
  readonly secret: string | null;
}

/**
 * Creates a client. Failures: a name, redirect URIs or settings that are missing or invalid (usage), a name that exists
 * (conflict).
 */
export async function createClient(
  em: SqlEntityManager,
  audit: AuditContext,
  input: NewClient,
): Promise<CreatedClient> {
  checkName(input.name);
  const shape = newShape(input);
  checkRedirects(shape.preset, shape.redirectUris, input.redirectRules);
  checkShape(shape);
  checkConsent(shape, input.settings);
  return em.transactional(async (tx) => {
    const clientId = `c_${randomBytes(16).toString('base64url')}`;
    const nameKey = shape.isDynamic ? `${casefoldName(input.name)} ${clientId}` : casefoldName(input.name);
    if ((await tx.count(Client, { nameKey })) > 0)
      throw new Failure('conflict', `There is a client "${input.name}" already.`);
    const client = tx.create(Client, {
      ...shape,
      id: createPrincipal(tx, 'client'),
      clientId,
      name: normalizeName(input.name),
      nameKey,
      settings: storedSettings(shape.settings),
      createdAt: audit.at,
    });
    tx.persist(client);
    for (const { id } of input.requests ?? [])
      tx.persist(tx.create(ClientApi, { client: client.id, api: id, role: 'requests' }));
    for (const { id } of input.serves ?? [])
      tx.persist(tx.create(ClientApi, { client: client.id, api: id, role: 'serves' }));
    const secret = shape.authMethod === 'client_secret' ? addSecret(tx, client, audit.at, input.secret) : null;
    const apis = {
      requests: input.requests?.map((one) => one.audience),
      serves: input.serves?.map((one) => one.audience),
    };
    recordChange(tx, audit, {
      action: 'add',
      object: auditObject(client),
      after: { ...auditSnapshot(client), ...apis },
    });
    await tx.flush();
    await requireDistinctIdTokens(tx, client);
    return { client, secret };
  });
}

function newShape(input: NewClient): ClientShape {
  const preset = presets[input.preset];
  return {
    preset: input.preset,
    authMethod: input.authMethod ?? preset.authMethod,
    grantTypes: [...new Set(input.grantTypes ?? preset.grantTypes)],
    redirectUris: [...new Set(input.redirectUris)],
    isFirstParty: input.isFirstParty ?? false,
    isDynamic: input.isDynamic ?? false,
    settings: clientSettings({ settings: input.settings ?? {} }),
  };
}

export interface ClientChange extends ClientOptions {
  readonly name?: string;
  readonly isActive?: boolean;
}

/**
 * Changes a client; lists replace the former ones. A client that is deactivated gets no tokens, and those it has end at
 * once. A client that is no longer first-party carries less of its users' rights, and the status of their tokens
 * changes. Under the client's row lock.
 */
export async function updateClient(
  em: SqlEntityManager,
  audit: AuditContext,
  ref: Pick<Client, 'id'>,
  change: ClientChange,
): Promise<Client> {
  if (change.name !== undefined) checkName(change.name);
  return em.transactional(async (tx) => {
    const client = await lockClient(tx, ref);
    const before = { ...auditSnapshot(client), ...(await readAudiences(tx, client.id)) };
    applyShape(client, change);
    if (change.name !== undefined) rename(client, change.name);
    if (change.isActive !== undefined) client.isActive = change.isActive;
    if (change.requests) await setApis(tx, client.id, 'requests', change.requests);
    if (change.serves) await setApis(tx, client.id, 'serves', change.serves);
    await tx.flush();
    const changed = difference(before, { ...auditSnapshot(client), ...(await readAudiences(tx, client.id)) });
    if (!changed) return client;
    await requireDistinctIdTokens(tx, client);
    recordChange(tx, audit, { action: 'change', object: auditObject(client), ...changed });
    await bumpPrincipals(tx, [client.id]);
    const { isActive, isFirstParty, authMethod } = changed.after;
    if (authMethod !== undefined && authMethod !== 'client_secret')
      await tx.nativeDelete(ClientSecret, { client: client.id });
    if (isFirstParty !== undefined)
      await updateClientStatuses(tx, client.id, { kind: isFirstParty ? 'added' : 'removed', apis: null });
    if (isActive === false) await endClient(tx, audit.at, client.id, 'client_disabled');
    return client;
  });
}

/** Locks a client's row until the end of the transaction: concurrent changes of one client follow each other. */
export function lockClient(tx: SqlEntityManager, ref: Pick<Client, 'id'>): Promise<Client> {
  return tx.findOneOrFail(Client, ref.id, { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** Values that do not change are not checked: a client whose URIs are no longer allowed can still be disabled. */
function applyShape(client: Client, change: ClientChange): void {
  const { redirectUris, authMethod, grantTypes, isFirstParty, settings, redirectRules } = change;
  if (redirectUris) checkRedirects(client.preset, redirectUris, redirectRules);
  const changes = [redirectUris, authMethod, grantTypes, isFirstParty, settings];
  if (changes.every((one) => one === undefined)) return;
  const shape: ClientShape = {
    preset: client.preset,
    isDynamic: client.isDynamic,
    authMethod: authMethod ?? client.authMethod,
    grantTypes: [...new Set(grantTypes ?? client.grantTypes)],
    redirectUris: [...new Set(redirectUris ?? client.redirectUris)],
    isFirstParty: isFirstParty ?? client.isFirstParty,
    settings: { ...clientSettings(client), ...settings },
  };
  checkShape(shape);
  checkConsent(shape, settings);
  Object.assign(client, { ...shape, settings: storedSettings(shape.settings) });
}

function rename(client: Client, name: string): void {
  const suffix = client.isDynamic ? ` ${client.clientId}` : '';
  Object.assign(client, { name: normalizeName(name), nameKey: casefoldName(name) + suffix });
}

function checkConsent({ isFirstParty }: ClientShape, settings: Partial<ClientSettings> | undefined): void {
  if (settings?.askConsent === false && !isFirstParty)
    throw new Failure('usage', 'Only a first-party client may skip consent: --first-party.');
}

/** Deletes a client with its secrets, permissions and pending deliveries. Its id is random and is not used again. */
export function deleteClient(em: SqlEntityManager, audit: AuditContext, client: Client): Promise<void> {
  return em.transactional(async (tx) => {
    await lockClient(tx, client);
    recordChange(tx, audit, { action: 'delete', object: auditObject(client), before: auditSnapshot(client) });
    await bumpPrincipals(tx, [client.id]);
    await endClient(tx, audit.at, client.id, 'client_deleted');
    await deleteDeliveries(tx, client.id);
    await tx.nativeDelete(Principal, { id: client.id });
  });
}

/** The form of client ids, which names cannot have: see `reservedName`. */
const clientIdPattern = /^(?:c_|https:\/\/)/;

/** Returns a client by its id or name. Failure (notFound) with the nearest name. */
export async function getClient(em: SqlEntityManager, idOrName: string): Promise<Client> {
  const where = clientIdPattern.test(idOrName) ? { clientId: idOrName } : { nameKey: casefoldName(idOrName) };
  const client = await em.findOne(Client, where);
  if (client) return client;
  const nearest = suggest(
    idOrName,
    (await listClients(em)).map((one) => one.name),
  );
  throw new Failure(
    'notFound',
    `There is no client "${idOrName}". ${nearest ? `Did you mean "${nearest}"?` : 'List them with: npx signet client list'}`,
  );
}

export function listClients(em: SqlEntityManager): Promise<Client[]> {
  return em.findAll(Client, { orderBy: { nameKey: 'asc' } });
}

/** Returns the audiences that a client may request, and those that it serves. */
export async function readAudiences(
  em: SqlEntityManager,
  id: string,
): Promise<{ requests: string[]; serves: string[] }> {
  const rows = await em.execute<{ role: string; audience: string }[]>(
    `select x.role, i.audience from oauth_client_api x join ${apiView('i')} on i.id = x.api_id where x.client_id = ? order by i.audience collate "C"`,
    [id],
  );
  const audiences = (role: string) => rows.filter((row) => row.role === role).map((row) => row.audience);
  return { requests: audiences('requests'), serves: audiences('serves') };
}

async function setApis(
  tx: SqlEntityManager,
  client: string,
  role: 'requests' | 'serves',
  apis: readonly { id: string }[],
): Promise<void> {
  await tx.nativeDelete(ClientApi, { client, role });
  for (const { id } of apis) await tx.upsert(ClientApi, { client, api: id, role });
}
