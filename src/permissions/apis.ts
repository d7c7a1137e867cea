import { randomUUIDv7 } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, difference, recordChange } from '../audit/index.ts';
import { definePort } from '../platform/database/index.ts';
import { suggest } from '../platform/text.ts';
import { audienceKey, OWN_AUDIENCE, resolveAudienceKey } from './audience.ts';
import { announceCatalogueChange, catalogueHash } from './catalogue.ts';
import { Api } from './entities.ts';
import { type PermissionErrors, permissionError } from './errors.ts';

/** Port: runs before an API, whose row is locked, accepts tokens of `typ` JWT. Throws DomainError if one of its clients does not allow that. */
export const beforeTypJwt =
  definePort<(tx: SqlEntityManager, api: Pick<Api, 'id' | 'audience'>) => Promise<void>>('beforeTypJwt');

/** Port: runs before an API gets this audience. Throws DomainError if the name is in use. */
export const beforeAudience = definePort<(em: SqlEntityManager, audience: string) => Promise<void>>('beforeAudience');

export interface ApiSettings {
  name?: string;
  typ?: Api['typ'];
  alg?: Api['alg'];
  tokenKind?: Api['tokenKind'];
  format?: Api['format'];
  ttlSeconds?: number;
  budgetBytes?: number;
  overBudget?: Api['overBudget'];
  withUsername?: boolean;
  withSourceId?: boolean;
  withSuperseded?: boolean;
  isCataloguePublic?: boolean;
}

/** The values that each setting accepts. */
export const settingValues = {
  typ: ['at+jwt', 'JWT'],
  alg: ['RS256', 'ES256', 'EdDSA'],
  token: ['jwt', 'opaque'],
  format: ['list', 'bitmap', 'scope', 'none'],
  overBudget: ['bitmap', 'fail'],
  catalogue: ['public', 'authenticated'],
} as const;

/** Registers a resource server. Throws DomainError for a malformed audience or an existing one. */
export async function createApi(
  em: SqlEntityManager,
  audit: AuditContext,
  audience: string,
  settings: ApiSettings = {},
): Promise<Api> {
  checkAudience(audience);
  checkSettings(settings);
  const key = audienceKey(audience);
  const existing = await em.findOne(Api, { audienceKey: key });
  if (existing) throw permissionError('api_exists', { audience: existing.audience });
  await beforeAudience.of(em)(em, audience);
  const api = em.create(Api, {
    id: randomUUIDv7(),
    audience,
    audienceKey: key,
    name: settings.name ?? audience,
    catalogueHash: catalogueHash([]),
    ...withoutUndefined(settings),
  });
  em.persist(api);
  recordChange(em, audit, {
    action: 'add',
    object: { kind: 'api', id: api.id, label: audience },
    after: apiSettings(api),
  });
  await em.flush();
  return api;
}

/** Returns Signet's own API, whose permissions guard its administration, and creates it if it does not exist. */
export async function ensureOwnApi(em: SqlEntityManager): Promise<Api> {
  const id = randomUUIDv7();
  await em.execute(
    `insert into permissions_api (id, audience, audience_key, name, is_builtin, catalogue_hash) values (?, ?, ?, 'Signet', true, ?) on conflict (audience_key) do nothing`,
    [id, OWN_AUDIENCE, OWN_AUDIENCE, catalogueHash([])],
  );
  return em.findOneOrFail(Api, { audienceKey: OWN_AUDIENCE });
}

/** Changes the settings of an API under its row lock, in one transaction or as part of the caller's. */
export function updateApi(
  em: SqlEntityManager,
  audit: AuditContext,
  { id }: Pick<Api, 'id'>,
  settings: ApiSettings,
): Promise<Api> {
  checkSettings(settings);
  return em.transactional(async (tx) => {
    const api = await tx.findOneOrFail(Api, id, { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
    const before = apiSettings(api);
    tx.assign(api, withoutUndefined(settings));
    const changed = difference(before, apiSettings(api));
    const object = { kind: 'api', id: api.id, label: api.audience };
    if (changed) recordChange(tx, audit, { action: 'change', object, ...changed });
    await tx.flush();
    if (changed?.after['typ'] === 'JWT') await beforeTypJwt.of(tx)(tx, api);
    if (changed && ('alg' in changed.after || 'isCataloguePublic' in changed.after)) await announceCatalogueChange(tx);
    return api;
  });
}

/** Returns the API of an audience, or null. `issuer` and `signet` both name Signet's own. */
export function findApi(em: SqlEntityManager, audience: string, issuer?: string): Promise<Api | null> {
  return em.findOne(Api, { audienceKey: resolveAudienceKey(audience, issuer) });
}

/** Like `findApi`, but throws `api_not_found` with the nearest name if there is no such API. */
export async function getApi(em: SqlEntityManager, audience: string, issuer?: string): Promise<Api> {
  const api = await findApi(em, audience, issuer);
  if (api) return api;
  const near = suggest(
    audience,
    (await listApis(em)).map((one) => one.audience),
  );
  throw permissionError('api_not_found', { audience, near: near ?? null });
}

/** Returns the ids of the APIs whose tokens contain the username. */
export async function apisWithUsername(em: SqlEntityManager): Promise<string[]> {
  return (await em.find(Api, { withUsername: true }, { fields: ['id'] })).map((one) => one.id);
}

export function listApis(em: SqlEntityManager): Promise<Api[]> {
  return em.findAll(Api, { orderBy: { id: 'asc' } });
}

/** Returns the signing algorithms of all APIs, without duplicates. */
export async function listApiAlgorithms(em: SqlEntityManager): Promise<Api['alg'][]> {
  const rows = await em.execute<{ alg: Api['alg'] }[]>('select distinct alg from permissions_api order by alg');
  return rows.map((row) => row.alg);
}

/** Returns the `aud` claim of tokens for this API. */
export function apiAudience(api: Pick<Api, 'audience' | 'isBuiltin'>, issuer: string): string {
  return api.isBuiltin ? issuer : api.audience;
}

function apiSettings(api: Api) {
  const { name, typ, alg, tokenKind, format, ttlSeconds, budgetBytes, overBudget } = api;
  const { withSuperseded, withUsername, withSourceId, isCataloguePublic } = api;
  const token = { typ, alg, tokenKind, format, ttlSeconds, budgetBytes, overBudget };
  return { name, ...token, withSuperseded, withUsername, withSourceId, isCataloguePublic };
}

const shortName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

function checkAudience(audience: string): void {
  if (audience === OWN_AUDIENCE) throw permissionError('api_own_audience', { audience });
  if (audience.startsWith('c_')) throw permissionError('audience_like_client_id', { audience });
  const url = URL.parse(audience);
  const isUri =
    url !== null &&
    /^[a-z][a-z0-9+.-]*:/i.test(audience) &&
    !audience.includes('#') &&
    audience.length <= 255 &&
    !/[\s\p{Cc}]/u.test(audience);
  if (!shortName.test(audience) && !isUri) throw permissionError('audience_invalid', { audience });
}

function checkSettings(settings: ApiSettings): void {
  const problem = settingProblem(settings);
  if (problem) throw permissionError('setting_out_of_range', problem);
}

const settingRanges = [
  { setting: 'ttlSeconds', from: 60, to: 900 },
  { setting: 'budgetBytes', from: 1024, to: 8192 },
] as const;

/** Returns the first setting that is out of bounds, with its bounds; null if all are valid. */
export function settingProblem(settings: ApiSettings): PermissionErrors['setting_out_of_range'] | null {
  for (const { setting, from, to } of settingRanges) {
    const value = settings[setting];
    if (value !== undefined && !(Number.isInteger(value) && value >= from && value <= to)) return { setting, from, to };
  }
  return null;
}

function withoutUndefined<T extends object>(settings: T): Partial<T> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>;
}
