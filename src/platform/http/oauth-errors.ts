/** The codes of OAuth's own errors with their statuses: RFC 6749 §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 8707 §2. */
export const OAUTH_ERRORS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  unsupported_token_type: 400,
  server_error: 500,
  temporarily_unavailable: 503,
} as const;

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

/** A refusal at an OAuth endpoint: the code for the program, a description for the person who debugs it. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  /** @param description ASCII without quotes and backslash (RFC 6749 §5.2); others are replaced. */
  constructor(
    code: OAuthErrorCode,
    description: string,
    more: { status?: number; headers?: Record<string, string> } = {},
  ) {
    super(description.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?'));
    this.name = 'OAuthError';
    this.code = code;
    this.status = more.status ?? OAUTH_ERRORS[code];
    this.headers = more.headers ?? {};
  }

  body() {
    return { error: this.code, error_description: this.message };
  }
}
