import type { ApiSnapshot, PrincipalRef, Rights } from '../../permissions/index.ts';
import type { AccessToken, StatusIndex, StatusOwner, TokenRequest } from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import type { Proof } from '../dpop/proofs.ts';

/** What a grant reads before the phases, at the least: whose it is, and the version of that client. */
export interface Preloaded {
  /** The client's principal. */
  readonly client: string;
  readonly clientVersion: number;
}

/** What a grant is asked with, once the phases before it have passed. */
export interface GrantRequest<Read extends Preloaded = Preloaded> {
  readonly client: LiveClient;
  readonly form: Readonly<Record<string, string>>;
  readonly now: Date;
  /** The key of the DPoP proof that came with the request; null without one. */
  readonly jkt: string | null;
  /**
   * Uses that proof up, if there is one; a second time it does nothing. The phases do so once a grant has accepted: one that writes before,
   * what cannot be done again, says this first. `invalid_dpop_proof` when it was used.
   */
  spendProof(): Promise<void>;
  /** The API that the client asks for (RFC 8707), or its only one; `invalid_target` when it may not. */
  target(): Promise<ApiSnapshot>;
  /** What the statement of phase 1 saw of the client's own place in a status list, at one API. */
  readonly seen: { readonly api: string; readonly statusIndex: StatusIndex | null } | undefined;
  /** What `preload` has read. */
  readonly preloaded: Read | null;
  /** Lives as long as the request, through every attempt at it. */
  readonly requestState: RequestState;
}

/** What was done already, when an attempt at a request has to be made again. */
export interface RequestState {
  /** The grant that a code of this request has given: a code is redeemed once. */
  grant?: string;
  /** Spent by an earlier attempt, it stays so. */
  proof?: Proof | null;
}

/** What a grant decides: for whom the token is, and what it may carry. Refusals are thrown as OAuthError before anything is written. */
export interface GrantResult extends Pick<TokenRequest, 'act' | 'until'> {
  readonly api: ApiSnapshot;
  readonly subject: TokenRequest['subject'];
  readonly principal: PrincipalRef & { readonly version: number };
  readonly rights: Rights;
  readonly session: TokenRequest['session'];
  readonly scope: string | undefined;
  /** The imported primary key, where the API's tokens carry it. */
  readonly sourceId?: string | number | undefined;
  /** By what its tokens live. */
  readonly owner: StatusOwner;
  /** As the statement saw it that read the version of `rights`. */
  readonly statusIndex: StatusIndex | null;
  /** What comes with the access token; written once nothing can refuse any more. */
  finish?(token: AccessToken): Promise<ResponseExtras>;
}

export interface ResponseExtras {
  readonly refreshToken?: string | undefined;
  readonly idToken?: string | undefined;
  /** RFC 8693 §2.2.1. */
  readonly issuedTokenType?: string;
}

/** One way to a token (a grant of RFC 6749). It decides; the phases around it are shared and cannot be forgotten. */
export interface GrantType<Read extends Preloaded = Preloaded> {
  readonly type: string;
  /** RFC 6749 §4.4: some grants are for clients that can keep a secret only. */
  readonly needsConfidentialClient: boolean;
  /** What it reads in any case, where that tells the version of the client too: then phase 1 needs no statement of its own. */
  preload?(form: GrantRequest['form'], now: Date): Promise<Read | null>;
  /** `stale`: something has changed since it was read; nothing was written. */
  authorize(request: GrantRequest<Read>): Promise<GrantResult | 'stale'>;
}
