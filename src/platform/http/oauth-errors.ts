import { quote } from '../text.ts';

/** The OAuth error codes with their statuses. */
export const OAUTH_STATUS = {
  invalid_request: 400,
  invalid_client: 401,
  unauthorized_client: 400,
  invalid_grant: 400,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  invalid_target: 400,
  access_denied: 400,
  unsupported_response_type: 400,
  login_required: 400,
  consent_required: 400,
  interaction_required: 400,
  unmet_authentication_requirements: 400,
  request_not_supported: 400,
  request_uri_not_supported: 400,
  registration_not_supported: 400,
  invalid_request_uri: 400,
  authorization_pending: 400,
  slow_down: 400,
  expired_token: 400,
  invalid_dpop_proof: 400,
  use_dpop_nonce: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  server_error: 500,
  temporarily_unavailable: 503,
} as const;

export type OAuthErrorCode = keyof typeof OAUTH_STATUS;

/** Limit of a description; names from outside are already cut by `quote`. */
const MAX_DESCRIPTION_LENGTH = 512;

/** Returns text as `error_description` allows (RFC 6749 §5.2): ASCII without quotes and backslash. */
export function descriptionText(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}

/** An error response of an OAuth endpoint: the code for programs, a description for developers. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Tells apart what has the same code, for the log only. */
  readonly reason: string | undefined;

  /** @param description ASCII without quotes and backslash (RFC 6749 §5.2); other characters are replaced, and long text is cut. */
  constructor(
    code: OAuthErrorCode,
    description: string,
    options: { status?: number; headers?: Readonly<Record<string, string>>; reason?: string } = {},
  ) {
    super(descriptionText(quote(description, MAX_DESCRIPTION_LENGTH)));
    this.name = 'OAuthError';
    this.code = code;
    this.status = options.status ?? OAUTH_STATUS[code];
    this.headers = options.headers ?? {};
    this.reason = options.reason;
  }

  body() {
    return { error: this.code, error_description: this.message };
  }
}
