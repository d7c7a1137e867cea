import type { ApiSnapshot, PermissionCache, PrincipalRef } from '../permissions/index.ts';
import type { Database } from '../platform/database/index.ts';
import { NotReady } from '../platform/errors.ts';
import { type AccessToken, draftAccessToken, type OverBudget } from './access-token.ts';
import type { TokenRequest } from './claims.ts';
import type { KeyRing } from './keys/ring.ts';
import type { Sign } from './keys/signing-key.ts';
import { allocateIndex, LIST_LENGTH, type StatusIndex, type StatusOwner } from './status/status-index.ts';

/** Dependencies for issuing tokens. */
export interface IssueDeps {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly keys: KeyRing;
  /** The server's signing function; absent: sign on this thread. */
  readonly sign?: Sign;
}

/** A token to issue. */
export interface IssueRequest {
  readonly request: TokenRequest & { readonly api: ApiSnapshot };
  /** The principal, as read with its flags at this version. */
  readonly principal: PrincipalRef & { readonly version: number };
  readonly owner: StatusOwner;
  /**
   * The current index, from the statement that read that version; null when there is none, or when another statement
   * read it.
   */
  readonly statusIndex: StatusIndex | null;
}

/** The longest possible index, for measuring a token before it has one. */
const PLACEHOLDER_INDEX: StatusIndex = { list: 99, idx: LIST_LENGTH - 1 };

/** Returns the excess of a token over its API's budget, or null. Call it before anything is written. */
export function overBudget({ keys }: Pick<IssueDeps, 'keys'>, request: TokenRequest, now: Date): OverBudget | null {
  return draftAccessToken(keys, { ...request, statusIndex: PLACEHOLDER_INDEX }, now).excess;
}

/**
 * Allocates a status index and signs an access token. Rights and index are of one moment: a later change of the
 * principal's rights sets the status of this index. Returns `stale` when the principal has changed since it was read
 * (read it again), `ended` when the owner has ended.
 */
export async function issueAccessToken(
  deps: IssueDeps,
  { request, principal, owner, statusIndex }: IssueRequest,
  now: Date,
): Promise<AccessToken | OverBudget | 'stale' | 'ended'> {
  if (request.rights.version !== principal.version) return 'stale';
  const allocated = statusIndex
    ? { statusIndex, version: principal.version }
    : await allocateIndex(deps.db, owner, now);
  if (!allocated) return 'ended';
  if (allocated.version !== principal.version) return 'stale';
  const draft = draftAccessToken(deps.keys, { ...request, statusIndex: allocated.statusIndex }, now);
  if (draft.excess) return draft.excess;
  return deps.sign ? draft.signBy(deps.sign) : draft.sign();
}

/** Attempts of one request; so many changes in a row do not happen. */
const MAX_ATTEMPTS = 5;

/**
 * Repeats an attempt to read and issue until nothing changed in between. Throws NotReady (503) after too many attempts.
 */
export async function issueWithRetry<Result>(attempt: () => Promise<Result | 'stale'>): Promise<Result> {
  for (let tries = 0; tries < MAX_ATTEMPTS; tries++) {
    const result = await attempt();
    if (result !== 'stale') return result;
  }
  throw new NotReady(`the rights changed during ${MAX_ATTEMPTS} attempts to issue a token`);
}
