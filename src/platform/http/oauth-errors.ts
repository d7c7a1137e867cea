import { quote } from '../text.ts';

/** The OAuth error codes, with their statuses and, for docs/errors.md, when a client gets them. */
export const OAUTH_ERRORS = {
  invalid_request: {
    status: 400,
    meaning:
      'A parameter is missing, malformed or there twice; the client authenticates in two ways at once (RFC 6749 §5.2); or a token that is to be exchanged is not good (RFC 8693 §2.2.2).',
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
      'The code or refresh token is unknown, of another client, was used before, or its grant has ended (RFC 6749 §5.2).',
  },
  invalid_scope: {
    status: 400,
    meaning:
      'No scope of a first request is known here and open to the client; or a later one asks for scopes of OpenID that were not granted (RFC 6749 §5.2, §6). What else cannot be given is left out: `scope` of the answer says what is left.',
  },
  unsupported_grant_type: { status: 400, meaning: 'This server does not know that `grant_type` (RFC 6749 §5.2).' },
  invalid_target: {
    status: 400,
    meaning:
      'No such API, none that this client may ask for, a token for it that would exceed its budget (RFC 8707 §2), or a user who may not be acted for (RFC 8693 §2.2.2).',
  },
  access_denied: {
    status: 400,
    meaning: 'The user, or a rule of this server, has said no (RFC 6749 §4.1.2.1, RFC 8628 §3.5).',
  },
  unsupported_response_type: { status: 400, meaning: 'Only `response_type=code` is offered (RFC 6749 §4.1.2.1).' },
  login_required: {
    status: 400,
    meaning: '`prompt=none`, and nobody is signed in, or somebody else, or too long ago (OIDC Core §3.1.2.6).',
  },
  consent_required: { status: 400, meaning: '`prompt=none`, and the user was never asked (OIDC Core §3.1.2.6).' },
  interaction_required: {
    status: 400,
    meaning: '`prompt=none`, and the user would have to do something (OIDC Core §3.1.2.6).',
  },
  unmet_authentication_requirements: {
    status: 400,
    meaning: 'The `acr` that was asked for as essential cannot be reached here (OIDC Core §5.5.1.1).',
  },
  request_not_supported: { status: 400, meaning: 'Request objects are not taken (OIDC Core §3.1.2.6).' },
  request_uri_not_supported: {
    status: 400,
    meaning: 'Only a `request_uri` that was pushed here is taken (OIDC Core §3.1.2.6, RFC 9126).',
  },
  registration_not_supported: {
    status: 400,
    meaning: 'The parameter `registration` is not taken (OIDC Core §3.1.2.6).',
  },
  invalid_request_uri: {
    status: 400,
    meaning: 'The pushed request is unknown, expired, used, or of another client (RFC 9126 §2.2).',
  },
  authorization_pending: { status: 400, meaning: 'The user has not decided yet: ask again (RFC 8628 §3.5).' },
  slow_down: { status: 400, meaning: 'Asked too soon: wait five seconds longer from now on (RFC 8628 §3.5).' },
  expired_token: { status: 400, meaning: 'The device code has expired: begin anew (RFC 8628 §3.5).' },
  invalid_dpop_proof: {
    status: 400,
    meaning: 'The DPoP proof is missing, malformed, used, or for another request (RFC 9449 §5).',
  },
  use_dpop_nonce: {
    status: 400,
    meaning: 'Make the proof again with the nonce of the header `DPoP-Nonce` (RFC 9449 §8).',
  },
  invalid_redirect_uri: { status: 400, meaning: 'A redirect URI that no client may have (RFC 7591 §3.2.2).' },
  invalid_client_metadata: {
    status: 400,
    meaning: 'A value that a client may not be registered with (RFC 7591 §3.2.2).',
  },
  invalid_token: {
    status: 401,
    meaning: 'The token is unknown, expired, ended, or bound to another key (RFC 6750 §3.1).',
  },
  insufficient_scope: { status: 403, meaning: 'The token was not given for this (RFC 6750 §3.1).' },
  server_error: { status: 500, meaning: 'A fault of Signet: no request should cause it. The log has the cause.' },
  temporarily_unavailable: {
    status: 503,
    meaning:
      'The database cannot be reached, or (429) this network or this client asks too much. Try again after `Retry-After`; it says nothing about a token.',
  },
} as const;

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

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
    this.status = options.status ?? OAUTH_ERRORS[code].status;
    this.headers = options.headers ?? {};
    this.reason = options.reason;
  }

  body() {
    return { error: this.code, error_description: this.message };
  }
}
