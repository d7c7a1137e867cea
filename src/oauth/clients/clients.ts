import { randomBytes } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Api, createPrincipal, Principal, principalsChanged } from '../../access/index.ts';
import { difference, recordChange, type Stamp } from '../../audit/index.ts';
import { Failure } from '../../platform/failure.ts';
import { foldName, hasUnprintable } from '../../platform/fold.ts';
import { suggest } from '../../platform/suggest.ts';
import { endClient } from '../../tokens/index.ts';
import { Client, ClientApi } from '../entities.ts';
import { objectOf } from './object.ts';
import { type Preset, presets } from './presets.ts';
import { addSecret } from './secrets.ts';

export interface NewClient {
  readonly name: string;
  readonly preset: Preset;
  readonly redirectUris?: readonly string[];
  /** APIs that it may ask tokens for. */
  readonly requests?: readonly Pick<Api, 'id' | 'audience'>[];
  /** APIs that it is the resource server of. */
  readonly serves?: readonly Pick<Api, 'id' | 'audience'>[];
  readonly isFirstParty?: boolean;
  /** Given by the sample only; otherwise a new one is made. */
  readonly secret?: string;
}

/** The client and its secret, which is shown this once; null for a public client. */
export interface CreatedClient {
  readonly client: Client;
  readonly secret: string | null;
}

/** Failures: an unfit name, redirect URIs that are missing or unfit (usage), a name that exists (conflict). */
export async function createClient(em: SqlEntityManager, stamp: Stamp, given: NewClient): Promise<CreatedClient> {
  checkName(given.name);
  const shape = presets[given.preset];
  checkRedirects(given.preset, given.redirectUris ?? []);
  return em.transactional(async (tx) => {
    const nameKey = foldName(given.name);
    if ((await tx.count(Client, { nameKey })) > 0)
      throw new Failure('conflict', `There is a client "${given.name}" already.`);
    const client = tx.create(Client, {
      id: createPrincipal(tx, 'client'),
      clientId: `c_${randomBytes(16).toString('base64url')}`,
      name: given.name.normalize('NFKC'),
      nameKey,
      isFirstParty: given.isFirstParty ?? false,
      preset: given.preset,
      authMethod: shape.authMethod,
      grantTypes: shape.grantTypes,
      redirectUris: [...(given.redirectUris ?? [])],
      createdAt: stamp.at,
    });
    tx.persist(client);
    for (const { id } of given.requests ?? [])
      tx.persist(tx.create(ClientApi, { client: client.id, api: id, role: 'requests' }));
    for (const { id } of given.serves ?? [])
      tx.persist(tx.create(ClientApi, { client: client.id, api: id, role: 'serves' }));
    const secret = shape.authMethod === 'client_secret' ? addSecret(tx, client, stamp.at, given.secret) : null;
    const apis = {
      requests: given.requests?.map((one) => one.audience),
      serves: given.serves?.map((one) => one.audience),
    };
    recordChange(tx, stamp, { action: 'add', object: objectOf(client), after: { ...pictureOf(client), ...apis } });
    await tx.flush();
    return { client, secret };
  });
}

export interface ClientChange {
  readonly name?: string;
  readonly redirectUris?: readonly string[];
  readonly requests?: readonly Pick<Api, 'id' | 'audience'>[];
  readonly serves?: readonly Pick<Api, 'id' | 'audience'>[];
  readonly isFirstParty?: boolean;
  readonly isActive?: boolean;
}

/** Changes a client; lists replace what was there. One that is not active gets nothing, and what it got is dead at once. */
export async function updateClient(
  em: SqlEntityManager,
  stamp: Stamp,
  of: Pick<Client, 'id'>,
  change: ClientChange,
): Promise<Client> {
  if (change.name !== undefined) checkName(change.name);
  return em.transactional(async (tx) => {
    const client = await tx.findOneOrFail(Client, of.id, { refresh: true });
    if (change.redirectUris) checkRedirects(client.preset, change.redirectUris);
    const before = { ...pictureOf(client), ...(await audiencesOf(tx, client.id)) };
    if (change.name !== undefined)
      Object.assign(client, { name: change.name.normalize('NFKC'), nameKey: foldName(change.name) });
    if (change.redirectUris) client.redirectUris = [...change.redirectUris];
    if (change.isFirstParty !== undefined) client.isFirstParty = change.isFirstParty;
    if (change.isActive !== undefined) client.isActive = change.isActive;
    if (change.requests) await setApis(tx, client.id, 'requests', change.requests);
    if (change.serves) await setApis(tx, client.id, 'serves', change.serves);
    await tx.flush();
    const changed = difference(before, { ...pictureOf(client), ...(await audiencesOf(tx, client.id)) });
    if (!changed) return client;
    recordChange(tx, stamp, { action: 'change', object: objectOf(client), ...changed });
    await principalsChanged(tx, [client.id]);
    if (changed.after['isActive'] === false) await endClient(tx, stamp.at, client.id, 'client_disabled');
    return client;
  });
}

/** Deletes a client with its secrets and permissions. Its id is never given again: it is random. */
export function deleteClient(em: SqlEntityManager, stamp: Stamp, client: Client): Promise<void> {
  return em.transactional(async (tx) => {
    recordChange(tx, stamp, { action: 'delete', object: objectOf(client), before: pictureOf(client) });
    await principalsChanged(tx, [client.id]);
    await endClient(tx, stamp.at, client.id, 'client_deleted');
    await tx.nativeDelete(Principal, { id: client.id });
  });
}

/** A client by its id (`c_…`) or its name; Failure with the nearest. */
export async function getClient(em: SqlEntityManager, idOrName: string): Promise<Client> {
  const client = await em.findOne(Client, { $or: [{ clientId: idOrName }, { nameKey: foldName(idOrName) }] });
  if (client) return client;
  const near = suggest(
    idOrName,
    (await listClients(em)).map((one) => one.name),
  );
  throw new Failure(
    'notFound',
    `There is no client "${idOrName}". ${near ? `Did you mean "${near}"?` : 'List them with: npx signet client list'}`,
  );
}

export function listClients(em: SqlEntityManager): Promise<Client[]> {
  return em.findAll(Client, { orderBy: { nameKey: 'asc' } });
}

/** The audiences that a client may ask for, and those that it serves. */
export async function audiencesOf(em: SqlEntityManager, id: string): Promise<{ requests: string[]; serves: string[] }> {
  const rows = await em.execute<{ role: string; audience: string }[]>(
    'select x.role, i.audience from oauth_client_api x join access_api i on i.id = x.api_id where x.client_id = ? order by i.audience collate "C"',
    [id],
  );
  const of = (role: string) => rows.filter((row) => row.role === role).map((row) => row.audience);
  return { requests: of('requests'), serves: of('serves') };
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

function pictureOf(client: Client) {
  const { clientId, name, preset, authMethod, grantTypes, redirectUris, isFirstParty, isActive } = client;
  return { clientId, name, preset, authMethod, grantTypes, redirectUris, isFirstParty, isActive };
}

function checkName(name: string): void {
  if (foldName(name).trim() === '' || [...name].length > 150 || hasUnprintable(name))
    throw new Failure('usage', 'A client needs a name of 1 to 150 printable characters.');
  if (name.startsWith('c_')) throw new Failure('usage', 'A client name may not start with c_: client ids do.');
}

/** RFC 9700 §2.1, RFC 8252 §7: absolute, without fragment; https, or http on a loopback literal, or a native app's own scheme. */
function checkRedirects(preset: Preset, uris: readonly string[]): void {
  if (presets[preset].needsRedirect && uris.length === 0)
    throw new Failure('usage', `The preset ${preset} needs --redirect-uri.`);
  for (const uri of uris) {
    const url = URL.parse(uri);
    const isOwnScheme = preset === 'native' && url !== null && /^[a-z][a-z0-9+-]*\.[a-z0-9+.-]*:$/i.test(url.protocol);
    const isLoopback = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
    if (
      !url ||
      uri.includes('#') ||
      url.username ||
      /[\s\p{Cc}]/u.test(uri) ||
      !(url.protocol === 'https:' || isLoopback || isOwnScheme)
    )
      throw new Failure(
        'usage',
        `"${uri}" is no redirect URI: it takes an absolute https URL without a fragment (http only on 127.0.0.1, [::1] or localhost).`,
      );
  }
}
