import { versions } from './catalogues.ts';
import { base64url, goodClaims, type JwsParts, jws, uri } from './jws.ts';
import { packStatuses } from './status-lists.ts';

export const alice = {
  user: { id: goodClaims.sub, username: 'zoë', client_id: 'signet', is_staff: false, is_superuser: false },
  perms: {
    'polls.add_choice': true,
    'polls.view_choice': true,
    'polls.change_choice': false,
    'polls.Add_choice': false,
    '': false,
  },
  modules: { polls: true, survey: false, poll: false, '': false },
};
export const bitmap = (version: number, set: readonly number[], change: Record<string, unknown> = {}) => {
  const state = versions[version] as { hash: string; length: number };
  const bits = packStatuses(
    1,
    Array.from({ length: state.length }, (_, index) => (set.includes(index) ? 1 : 0)),
  );
  const h = base64url(Buffer.from(state.hash, 'base64url').subarray(0, 8));
  return { permissions: undefined, permissions_bitmap: { v: version, h, b: base64url(bits), ...change } };
};
export const good = (name: string, making: JwsParts, expect: Record<string, unknown> = alice, options = {}) => ({
  name,
  ...(Object.keys(options).length > 0 ? { options } : {}),
  token: jws(making),
  expect,
});
export const bad = (name: string, token: string | { repeat: [string, number] }, error: string, options = {}) => ({
  name,
  ...(Object.keys(options).length > 0 ? { options } : {}),
  token,
  expect: { error },
});
export const badClaims = (name: string, claims: Record<string, unknown>, error = 'claims_malformed') =>
  bad(name, jws({ claims }), error);
export const badHeader = (name: string, header: Record<string, unknown>, error = 'token_malformed') =>
  bad(name, jws({ header }), error);

export const statusClaim = (idx: unknown, at: unknown = uri) => ({ status: { status_list: { idx, uri: at } } });
