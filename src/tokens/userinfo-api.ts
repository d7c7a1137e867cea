import { type ApiSnapshot, apiAudience, noRights, type Rights } from '../permissions/index.ts';

/** The id in columns that require an API, where no API is meant. */
export const NO_API = '00000000-0000-0000-0000-000000000000';

/** The API of a token whose client requested none: userinfo alone. It has no permissions. */
export const USERINFO: ApiSnapshot = {
  id: NO_API,
  audience: '',
  isBuiltin: false,
  typ: 'at+jwt',
  alg: 'RS256',
  tokenKind: 'jwt',
  format: 'none',
  ttlSeconds: 600,
  budgetBytes: 4096,
  overBudget: 'fail',
  // The scope `profile` is for that.
  withUsername: false,
  withSourceId: false,
  version: 1,
};

/** `aud` of the tokens of an API. */
export function tokenAudience(
  api: Pick<ApiSnapshot, 'audience' | 'isBuiltin'> & { id?: string },
  issuer: string,
): string {
  return api.id === NO_API ? userinfoUrl(issuer) : apiAudience(api, issuer);
}

export function userinfoUrl(issuer: string): string {
  return `${issuer}/oauth2/userinfo`;
}

/** No permissions at userinfo; `version` is the principal's. */
export function userinfoRights(version: number): Rights {
  return { ...noRights, isActive: true, version };
}
