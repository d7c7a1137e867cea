import type { KnownApi, Rights } from '../../access/index.ts';
import type { TokenRequest } from '../../tokens/index.ts';
import type { LiveClient } from '../clients/hot.ts';

/** What a grant is asked with, once the phases before it have passed. */
export interface GrantRequest {
  readonly client: LiveClient;
  readonly api: KnownApi;
  readonly form: Readonly<Record<string, string>>;
  readonly now: Date;
}

/** What a grant decides: for whom the token is, and what it may carry. Refusals are thrown as OAuthError before anything is written. */
export interface Granted {
  readonly subject: TokenRequest['subject'];
  readonly rights: Rights;
  readonly session: TokenRequest['session'];
  readonly scope: string | undefined;
}

/** One way to a token (RFC 6749 §1.3). It decides; the phases around it are shared and cannot be forgotten. */
export interface Grant {
  readonly type: string;
  /** RFC 6749 §4.4: some grants are for clients that can keep a secret only. */
  readonly needsConfidentialClient: boolean;
  authorize(request: GrantRequest): Promise<Granted>;
}
