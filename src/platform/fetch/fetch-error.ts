export type FetchErrorCode =
  /** Not an absolute URL of http or https without a user name, or too long. */
  | 'bad_url'
  /** http, and the operator has not allowed it for this target. */
  | 'not_https'
  /** Not a public address, and the operator has not allowed it. */
  | 'forbidden_target'
  /** The name has no address. */
  | 'unresolvable'
  /** The connection failed or broke off. */
  | 'unreachable'
  /** The certificate is not valid for the target, or the handshake failed. */
  | 'tls'
  /** The response is a redirect, which is not followed. */
  | 'redirect'
  | 'timeout'
  | 'too_large'
  /** The response is not HTTP, or is compressed. */
  | 'bad_answer';

/** Why a fetch failed. It names nothing of the target, so that a client cannot probe addresses or services through Signet. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly code: FetchErrorCode;

  constructor(code: FetchErrorCode) {
    super(code);
    this.code = code;
  }
}
