import { type ApiSnapshot, apiAudience, noRights, type Rights } from '../permissions/index.ts';

/** Stands where a column needs an API and none is meant. */
export const NO_API = '00000000-0000-0000-0000-000000000000';

/** What a token is for when its client asked for no API: userinfo alone. It has no permissions, so it says nothing of any. */
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
  // That is what the scope `profile` is for.
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

/** Nobody may do anything at userinfo; the version is that of who was read. */
export function userinfoRights(version: number): Rights {
  return { ...noRights, isActive: true, version };
}
