import type { Holder, KnownAccess, KnownApi } from '../access/index.ts';
import type { Database } from '../platform/database/index.ts';
import { type AccessToken, draftAccessToken, type OverBudget } from './access-token.ts';
import type { TokenRequest } from './claims.ts';
import type { KeyRing } from './keys/ring.ts';
import type { Sign } from './keys/sign.ts';
import { type Holding, LIST_LENGTH, type StatusPlace, takePlace } from './status/place.ts';

/** Makes the tokens of one request. */
export interface Mint {
  readonly db: Database;
  readonly access: KnownAccess;
  readonly keys: KeyRing;
  /** How a server signs; absent: on this thread. */
  readonly sign?: Sign;
}

/** Whose token it is to be. */
export interface Minted {
  readonly request: TokenRequest & { readonly api: KnownApi };
  readonly holder: Holder;
  readonly holding: Holding;
  /** The place that the statement saw which read the version of the rights in `request`; null when there was none. */
  readonly place: StatusPlace | null;
}

/** As long as any: asked for the size of a token before it has a place. */
const ANY_PLACE: StatusPlace = { list: 99, idx: LIST_LENGTH - 1 };

/** Why the token may not be made: asked before anything is written. */
export function overBudget({ keys }: Pick<Mint, 'keys'>, request: TokenRequest, now: Date): OverBudget | null {
  return draftAccessToken(keys, { ...request, place: ANY_PLACE }, now).excess;
}

/**
 * Signs an access token that stands in a status list. It never pairs the rights of one moment with the place of another: what is
 * taken from or given to its holder later moves this place. `over`: the holder has ended meanwhile.
 */
export async function mintAccessToken(
  mint: Mint,
  minted: Minted,
  now: Date,
): Promise<AccessToken | OverBudget | 'over'> {
  const { holder, holding } = minted;
  let { request, place } = minted;
  if (!place) {
    const taken = await takePlace(mint.db, holding, now);
    if (!taken) return 'over';
    place = taken.place;
    if (taken.version !== request.rights.version) {
      const rights = await mint.access.rights({ ...holder, version: taken.version }, request.api, now);
      request = { ...request, rights };
    }
  }
  const draft = draftAccessToken(mint.keys, { ...request, place }, now);
  if (draft.excess) return draft.excess;
  return mint.sign ? draft.signBy(mint.sign) : draft.sign();
}
