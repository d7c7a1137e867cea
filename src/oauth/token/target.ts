import type { ApiSnapshot, ApiVersion, PermissionCache } from '../../permissions/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import type { LiveClient } from '../clients/cache.ts';

type Form = Readonly<Record<string, string>>;

/** The API that is probably meant, so that its version can be read together with the client's. */
export function peekTarget(
  access: PermissionCache,
  client: LiveClient,
  { resource, audience }: Form,
): ApiSnapshot | undefined {
  const asked = resource ?? audience;
  return asked === undefined ? access.peekById(client.requests[0] ?? '') : access.peek(asked);
}

/**
 * The API that a token is asked for: `resource` (RFC 8707 §2: an absolute URI without a fragment) or `audience` (short names
 * too), which must be one that the client may ask for; with neither, the client's only one. Else `invalid_target`.
 */
export async function findTarget(
  access: PermissionCache,
  client: LiveClient,
  { resource, audience }: Form,
  seen: ApiVersion | undefined,
): Promise<ApiSnapshot> {
  if (resource !== undefined && !isAbsoluteUri(resource))
    throw target('resource takes an absolute URI without a fragment; a short name goes by audience.');
  const asked = [...new Set([resource, audience].filter((one) => one !== undefined))];
  if (asked.length === 0) return onlyApi(access, client, seen);
  const apis = await Promise.all(asked.map((one) => access.api(one, seen)));
  const [api, other] = apis;
  if (apis.length === 2 && api?.id !== other?.id)
    throw target('resource and audience name two APIs; a token is for one.');
  // An API that does not exist and one that the client may not ask for are one answer.
  if (!api || !client.requests.includes(api.id)) throw target('This client may not ask for tokens of that API.');
  return api;
}

/**
 * The API that a user is asked about: as `findTarget`; with none named, the client's only one, else none: a token for userinfo alone.
 */
export async function findDefaultTarget(
  access: PermissionCache,
  client: LiveClient,
  form: Form,
  seen?: ApiVersion,
): Promise<ApiSnapshot | null> {
  const isNamed = form['resource'] !== undefined || form['audience'] !== undefined;
  return isNamed || client.requests.length === 1 ? findTarget(access, client, form, seen) : null;
}

async function onlyApi(
  access: PermissionCache,
  client: LiveClient,
  seen: ApiVersion | undefined,
): Promise<ApiSnapshot> {
  const [only, ...others] = client.requests;
  const api = only === undefined || others.length > 0 ? null : await access.apiById(only, seen);
  if (!api) throw target('Say which API the token is for, by audience or resource.');
  return api;
}

/** RFC 8707 §2. */
export function isAbsoluteUri(uri: string): boolean {
  return URL.canParse(uri) && !uri.includes('#');
}

function target(description: string): OAuthError {
  return new OAuthError('invalid_target', description);
}
