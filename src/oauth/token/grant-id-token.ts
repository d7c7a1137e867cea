import type { ApiSnapshot, Rights } from '../../permissions/index.ts';
import { draftIdToken, type GrantState, NO_API, readAcr } from '../../tokens/index.ts';
import { hasJwtTypApi } from '../api-rules/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { hasRightsClaim, permissionClaims, selectClaims, userClaims } from '../user-claims.ts';
import type { GrantTokenDeps, UserGrant } from './grant-tokens.ts';
import { tokenTooLarge } from './too-large.ts';

/** What an ID token is made of beside its grant. */
export interface IdTokenRequest {
  readonly scope: string | undefined;
  readonly nonce: string | null;
  /** The access token that it comes with: its API, and what its client may use there. */
  readonly with: {
    readonly api: ApiSnapshot;
    readonly rights: Rights;
    readonly subject: { readonly isStaff?: boolean };
  };
}

/** Signs it beside the access token that was made meanwhile. */
export type SignIdToken = (accessToken: string) => Promise<string>;

/**
 * OIDC Core §3.1.3.3, §12.2: an ID token comes with every token whose scope says `openid`; null for the others. Drafted before anything is
 * written, because one that says permissions is held to the budget of their API. OAuthError `invalid_target` when it is too large.
 */
export async function draftGrantIdToken(
  deps: GrantTokenDeps,
  client: LiveClient,
  grant: UserGrant & Pick<GrantState, 'claims'>,
  asked: IdTokenRequest,
  now: Date,
): Promise<SignIdToken | null> {
  const scopes = asked.scope?.split(' ') ?? [];
  if (!scopes.includes('openid')) return null;
  const { api, rights, subject } = asked.with;
  const wanted = await claimsOfIdToken(deps, client, scopes, grant.claims?.idToken ?? []);
  const isOfApi = api.id !== NO_API && hasRightsClaim(wanted);
  const { session, authTime, amr, user } = grant;
  const claims = {
    ...(await userClaims(deps.db, user.id, wanted, now)),
    ...permissionClaims(isOfApi ? { rights, isStaff: subject.isStaff === true } : null, wanted),
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
      nonce: asked.nonce,
      claims,
    },
    now,
  );
  if (isOfApi && draft.bytes > api.budgetBytes)
    throw tokenTooLarge({ bytes: draft.bytes, budget: api.budgetBytes, permissions: rights.list.length }, 'ID token');
  return (accessToken) => draft.sign(accessToken, deps.sign);
}

/**
 * Permissions stand in an ID token where the request names them, or the client says so; and never while an API of the client takes
 * tokens of `typ` JWT: the switch is refused then, and what a request has named before is left out.
 */
async function claimsOfIdToken(
  { access }: GrantTokenDeps,
  client: LiveClient,
  scopes: readonly string[],
  named: readonly string[],
): Promise<ReadonlySet<string>> {
  const isInIdToken = client.settings.permissionsIn === 'id_token';
  const wanted = selectClaims(isInIdToken ? scopes : scopes.filter((one) => one !== 'permissions'), named);
  if (!hasRightsClaim(wanted) || !(await hasJwtTypApi(access, client))) return wanted;
  return new Set([...wanted].filter((one) => !hasRightsClaim([one])));
}
