/** The codes of OAuth's own errors, with their statuses and, for docs/errors.md, when a client gets them. */
export const OAUTH_ERRORS = {
  invalid_request: {
    status: 400,
    meaning:
      'A parameter is missing, malformed or there twice; or the client authenticates in two ways at once (RFC 6749 §5.2).',
  },
  invalid_client: {
    status: 401,
    meaning:
      'The client is unknown, disabled, not authenticated, or its secret is wrong: one answer for all (RFC 6749 §5.2).',
  },
  unauthorized_client: { status: 400, meaning: 'This client may not use that `grant_type` (RFC 6749 §5.2).' },
  invalid_grant: {
    status: 400,
    meaning:
      'The refresh token is unknown, of another client, was used before, or its grant has ended (RFC 6749 §5.2).',
  },
  invalid_scope: { status: 400, meaning: 'More was asked for than was granted (RFC 6749 §5.2).' },
  unsupported_grant_type: { status: 400, meaning: 'This server does not know that `grant_type` (RFC 6749 §5.2).' },
  invalid_target: {
    status: 400,
    meaning:
      'No such API, none that this client may ask for, or a token for it that would exceed its budget (RFC 8707 §2).',
  },
  server_error: { status: 500, meaning: 'A fault of Signet: no request should cause it. The log has the cause.' },
  temporarily_unavailable: {
    status: 503,
    meaning: 'The database cannot be reached. Try again after `Retry-After`; it says nothing about a token.',
  },
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
    this.status = more.status ?? OAUTH_ERRORS[code].status;
    this.headers = more.headers ?? {};
  }

  body() {
    return { error: this.code, error_description: this.message };
  }
}
