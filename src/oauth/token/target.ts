import type { ApiSnapshot, ApiVersion, PermissionCache } from '../../permissions/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { oauthError } from '../errors.ts';

type Form = Readonly<Record<string, string>>;

/**
 * Returns the API that is probably requested, possibly stale, so that its version can be read together with the
 * client's.
 */
export function peekTarget(
  access: PermissionCache,
  client: LiveClient,
  { resource, audience }: Form,
): ApiSnapshot | undefined {
  const name = resource ?? audience;
  return name === undefined ? access.peekById(client.requests[0] ?? '') : access.peek(name);
}

/**
 * Returns the API that a token is requested for: by `resource` (RFC 8707 §2: an absolute URI without a fragment) or
 * `audience` (also short names), of those that the client may ask for; with neither, the client's only one. Throws
 * `invalid_target` otherwise.
 */
export async function findTarget(
  access: PermissionCache,
  client: LiveClient,
  { resource, audience }: Form,
  version: ApiVersion | undefined,
): Promise<ApiSnapshot> {
  if (resource !== undefined && !isAbsoluteUri(resource)) throw oauthError('resource_invalid');
  const names = [...new Set([resource, audience].filter((one) => one !== undefined))];
  if (names.length === 0) return onlyApi(access, client, version);
  const apis = await Promise.all(names.map((one) => access.api(one, version)));
  const [api, other] = apis;
  if (apis.length === 2 && api?.id !== other?.id) throw oauthError('targets_differ');
  // The same error for an API that does not exist and one that the client may not ask for.
  if (!api || !client.requests.includes(api.id)) throw oauthError('target_not_allowed');
  return api;
}

/** As `findTarget`, for authorization requests. With no name and no only API it returns null: a token for userinfo only. */
export async function findDefaultTarget(
  access: PermissionCache,
  client: LiveClient,
  form: Form,
  version?: ApiVersion,
): Promise<ApiSnapshot | null> {
  const isNamed = form['resource'] !== undefined || form['audience'] !== undefined;
  return isNamed || client.requests.length === 1 ? findTarget(access, client, form, version) : null;
}

async function onlyApi(
  access: PermissionCache,
  client: LiveClient,
  version: ApiVersion | undefined,
): Promise<ApiSnapshot> {
  const [only, ...others] = client.requests;
  const api = only === undefined || others.length > 0 ? null : await access.apiById(only, version);
  if (!api) throw oauthError('target_missing');
  return api;
}

/** RFC 8707 §2. */
export function isAbsoluteUri(uri: string): boolean {
  return URL.canParse(uri) && !uri.includes('#');
}
