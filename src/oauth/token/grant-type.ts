import type { ApiSnapshot, PrincipalRef, Rights } from '../../permissions/index.ts';
import type { OAuthError } from '../../platform/http/index.ts';
import type { AccessToken, OverBudget, StatusIndex, StatusOwner, TokenRequest } from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import type { Proof } from '../dpop/proofs.ts';
import { oauthError } from '../errors.ts';

/** The least that `preload` of a grant type reads: the client of the code or token, and the version of that client. */
export interface Preloaded {
  /** The client's principal. */
  readonly client: string;
  readonly clientVersion: number;
}

/** The token request that a grant type handles, after the phases before it. */
export interface GrantRequest<Read extends Preloaded = Preloaded> {
  readonly client: LiveClient;
  readonly form: Readonly<Record<string, string>>;
  readonly now: Date;
  /** Thumbprint of the key of the DPoP proof; null without one. */
  readonly jkt: string | null;
  /**
   * Marks the DPoP proof as used, if there is one; a second call does nothing. The token endpoint calls it once a grant type has accepted
   * the request. A grant type that writes before that what cannot be repeated calls it first. Throws `invalid_dpop_proof` if the proof
   * was used before.
   */
  markProofUsed(): Promise<void>;
  /** Returns the API that the client asks for (RFC 8707), or its only one. Throws `invalid_target` if the client may not ask for it. */
  target(): Promise<ApiSnapshot>;
  /** The client's own status index at one API, as phase 1 has read it. */
  readonly ownIndex: { readonly api: string; readonly statusIndex: StatusIndex | null } | undefined;
  /** The result of `preload`. */
  readonly preloaded: Read | null;
  /** Lives as long as the request, through all attempts. */
  readonly requestState: RequestState;
}

/** What earlier attempts at a request have done already. */
export interface RequestState {
  /** The grant that a code of this request has opened: a code is redeemed once. */
  grant?: string;
  /** Remains used after an attempt has marked it. */
  proof?: Proof | null;
}

/** The subject and the content of the token. Errors are thrown as OAuthError before anything is written. */
export interface GrantResult extends Pick<TokenRequest, 'act' | 'until'> {
  readonly api: ApiSnapshot;
  readonly subject: TokenRequest['subject'];
  readonly principal: PrincipalRef & { readonly version: number };
  readonly rights: Rights;
  readonly session: TokenRequest['session'];
  readonly scope: string | undefined;
  /** The imported primary key, if the API's tokens carry it. */
  readonly sourceId?: string | number | undefined;
  /** The session, grant or principal whose end revokes the token. */
  readonly owner: StatusOwner;
  /** As read by the statement that read the version of `rights`. */
  readonly statusIndex: StatusIndex | null;
  /** Writes what comes with the access token, after the last check, and returns it. */
  finish?(token: AccessToken): Promise<ResponseExtras>;
}

/** Parameters of a token response beside the access token. */
export interface ResponseExtras {
  readonly refreshToken?: string | undefined;
  readonly idToken?: string | undefined;
  /** RFC 8693 §2.2.1. */
  readonly issuedTokenType?: string;
}

/** A grant type of RFC 6749. It decides about a request; the token endpoint runs the phases around it for every grant type. */
export interface GrantType<Read extends Preloaded = Preloaded> {
  readonly type: string;
  /** RFC 6749 §4.4: some grant types are for confidential clients only. */
  readonly needsConfidentialClient: boolean;
  /** Reads what the grant type needs anyway, if that includes the version of the client: phase 1 then needs no statement of its own. */
  preload?(form: GrantRequest['form'], now: Date): Promise<Read | null>;
  /** Returns `stale` if a value has changed since it was read; nothing was written. */
  authorize(request: GrantRequest<Read>): Promise<GrantResult | 'stale'>;
}

/** RFC 8693 §3: the token types that an exchange accepts and issues. */
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT = 'urn:ietf:params:oauth:token-type:jwt';

/** RFC 8693 §2.2.1. */
export const ACCESS_TOKEN_ISSUED: ResponseExtras = { issuedTokenType: ACCESS_TOKEN };

/** Returns the error for a token over its API's budget. */
export function tokenTooLarge({ bytes, budget, permissions }: OverBudget): OAuthError {
  return oauthError('token_too_large', { bytes, budget, permissions });
}
