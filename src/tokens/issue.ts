import type { ApiSnapshot, PermissionCache, PrincipalRef } from '../permissions/index.ts';
import type { Database } from '../platform/database/index.ts';
import { NotReady } from '../platform/errors.ts';
import { type AccessToken, draftAccessToken, type OverBudget } from './access-token.ts';
import type { TokenRequest } from './claims.ts';
import type { KeyRing } from './keys/ring.ts';
import type { Sign } from './keys/signing-key.ts';
import { allocateIndex, LIST_LENGTH, type StatusIndex, type StatusOwner } from './status/status-index.ts';

/** Makes the tokens of one request. */
export interface IssueDeps {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly keys: KeyRing;
  /** How a server signs; absent: on this thread. */
  readonly sign?: Sign;
}

/** Whose token it is to be. */
export interface IssueRequest {
  readonly request: TokenRequest & { readonly api: ApiSnapshot };
  /** As read with its flags, at this version. */
  readonly principal: PrincipalRef & { readonly version: number };
  readonly owner: StatusOwner;
  /** The place that the statement saw which read that version; null when there was none, or it was another statement. */
  readonly statusIndex: StatusIndex | null;
}

/** As long as any: asked for the size of a token before it has a place. */
const PLACEHOLDER_INDEX: StatusIndex = { list: 99, idx: LIST_LENGTH - 1 };

/** Why the token may not be made: asked before anything is written. */
export function overBudget({ keys }: Pick<IssueDeps, 'keys'>, request: TokenRequest, now: Date): OverBudget | null {
  return draftAccessToken(keys, { ...request, statusIndex: PLACEHOLDER_INDEX }, now).excess;
}

/**
 * Signs an access token that stands in a status list. It never pairs what was read at one moment with the place of another: what is
 * taken from or given to its holder later moves this place. `stale`: something has changed since the holder was read, read it again.
 * `ended`: the holder has ended meanwhile.
 */
export async function issueAccessToken(
  mint: IssueDeps,
  { request, principal, owner, statusIndex }: IssueRequest,
  now: Date,
): Promise<AccessToken | OverBudget | 'stale' | 'ended'> {
  if (request.rights.version !== principal.version) return 'stale';
  const taken = statusIndex ? { statusIndex, version: principal.version } : await allocateIndex(mint.db, owner, now);
  if (!taken) return 'ended';
  if (taken.version !== principal.version) return 'stale';
  const draft = draftAccessToken(mint.keys, { ...request, statusIndex: taken.statusIndex }, now);
  if (draft.excess) return draft.excess;
  return mint.sign ? draft.signBy(mint.sign) : draft.sign();
}

/** Changes that meet one request: more in a row than ever happen. */
const TRIES = 5;

/** Reads and mints until nothing has changed in between. NotReady (503: try again) when something changes again and again. */
export async function issueWithRetry<Answer>(attempt: () => Promise<Answer | 'stale'>): Promise<Answer> {
  for (let tries = 0; tries < TRIES; tries++) {
    const answer = await attempt();
    if (answer !== 'stale') return answer;
  }
  throw new NotReady('what the token says is being changed again and again');
}
