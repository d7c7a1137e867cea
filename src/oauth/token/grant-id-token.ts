import type { ApiSnapshot, Rights } from '../../permissions/index.ts';
import { readAcr } from '../../signin/index.ts';
import { draftIdToken, type GrantState, NO_API } from '../../tokens/index.ts';
import { hasJwtTypApi } from '../api-rules/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { oauthError } from '../errors.ts';
import { hasRightsClaim, permissionClaims, selectClaims, userClaims } from '../user-claims.ts';
import type { GrantTokenDeps, UserGrant } from './grant-tokens.ts';

/** The input of an ID token beside its grant. */
export interface IdTokenRequest {
  readonly scope: string | undefined;
  readonly nonce: string | null;
  /** The access token that it comes with: its API, and the rights that its client may use there. */
  readonly with: {
    readonly api: ApiSnapshot;
    readonly rights: Rights;
    readonly subject: { readonly isStaff?: boolean };
  };
}

/** Signs the draft. Its `at_hash` is of the access token. */
export type SignIdToken = (accessToken: string) => Promise<string>;

/**
 * OIDC Core §3.1.3.3, §12.2: drafts the ID token that comes with every token of scope `openid`; null without that
 * scope. Drafted before anything is written, because permissions in it count against the budget of their API. Throws
 * OAuthError `invalid_target` if it is too large.
 */
export async function draftGrantIdToken(
  deps: GrantTokenDeps,
  client: LiveClient,
  grant: UserGrant & Pick<GrantState, 'claims'>,
  request: IdTokenRequest,
  now: Date,
): Promise<SignIdToken | null> {
  const scopes = request.scope?.split(' ') ?? [];
  if (!scopes.includes('openid')) return null;
  const { api, rights, subject } = request.with;
  const claimNames = await idTokenClaims(deps, client, scopes, grant.claims?.idToken ?? []);
  const hasRights = api.id !== NO_API && hasRightsClaim(claimNames);
  const { session, authTime, amr, user } = grant;
  const claims = {
    ...(await userClaims(deps.db, user.id, claimNames, now)),
    ...permissionClaims(hasRights ? { rights, isStaff: subject.isStaff === true } : null, claimNames),
  };
  const draft = draftIdToken(
    deps.keys,
    {
      issuer: deps.issuer,
      alg: client.settings.idTokenAlg,
      clientId: client.clientId,
      sub: user.id,
      sid: session,
      authTime,
      amr,
      acr: authTime ? readAcr(amr) : null,
      nonce: request.nonce,
      claims,
    },
    now,
  );
  if (hasRights && draft.bytes > api.budgetBytes)
    throw oauthError('id_token_too_large', {
      bytes: draft.bytes,
      budget: api.budgetBytes,
      permissions: rights.list.length,
    });
  return (accessToken) => draft.sign(accessToken, deps.sign);
}

/**
 * Returns the claims of an ID token. Permissions are in it if the request names them, or the client is configured so;
 * but never while an API of the client takes tokens of `typ` JWT: that combination cannot be configured, and an earlier
 * request's names are dropped.
 */
async function idTokenClaims(
  { access }: GrantTokenDeps,
  client: LiveClient,
  scopes: readonly string[],
  requestedNames: readonly string[],
): Promise<ReadonlySet<string>> {
  const isInIdToken = client.settings.permissionsIn === 'id_token';
  const names = selectClaims(isInIdToken ? scopes : scopes.filter((one) => one !== 'permissions'), requestedNames);
  if (!hasRightsClaim(names) || !(await hasJwtTypApi(access, client))) return names;
  return new Set([...names].filter((one) => !hasRightsClaim([one])));
}
