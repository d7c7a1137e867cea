import { type KnownApi, readApi, readApiById } from '../../access/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import type { LiveClient } from '../clients/hot.ts';

/**
 * The API that a token is asked for: `resource` (RFC 8707 §2: an absolute URI without a fragment) or `audience` (short names
 * too), which must be one that the client may ask for; with neither, the client's only one. Else `invalid_target`.
 */
export async function findTarget(
  db: Database,
  issuer: string,
  client: LiveClient,
  form: Readonly<Record<string, string>>,
): Promise<KnownApi> {
  const { resource, audience } = form;
  if (resource !== undefined && !isAbsolute(resource))
    throw target('resource takes an absolute URI without a fragment; a short name goes by audience.');
  const asked = [...new Set([resource, audience].filter((one) => one !== undefined))];
  const apis = await Promise.all(asked.map((one) => readApi(db, one, issuer)));
  const [api, other] = apis;
  if (asked.length === 0) return onlyApi(db, client);
  if (apis.length === 2 && api?.id !== other?.id)
    throw target('resource and audience name two APIs; a token is for one.');
  // An API that does not exist and one that the client may not ask for are one answer.
  if (!api || !client.requests.includes(api.id)) throw target('This client may not ask for tokens of that API.');
  return api;
}

async function onlyApi(db: Database, client: LiveClient): Promise<KnownApi> {
  const [only, ...others] = client.requests;
  const api = only === undefined || others.length > 0 ? null : await readApiById(db, only);
  if (!api) throw target('Say which API the token is for, by audience or resource.');
  return api;
}

function isAbsolute(uri: string): boolean {
  return URL.canParse(uri) && !uri.includes('#');
}

function target(description: string): OAuthError {
  return new OAuthError('invalid_target', description);
}
