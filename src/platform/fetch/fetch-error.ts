const texts = {
  bad_url:
    'No URL that Signet fetches: it takes an absolute one of https, without a user name, of 2048 characters at the most.',
  not_https: 'Only https is fetched. SIGNET_FETCH_ALLOW names the targets that may speak http.',
  forbidden_target: 'The target is no public address. SIGNET_FETCH_ALLOW names the others that Signet may reach.',
  unresolvable: 'The name of the target has no address.',
  unreachable: 'The target cannot be reached, or hung up.',
  tls: 'The certificate of the target is not valid for it.',
  redirect: 'The target answers with a redirect, which is not followed.',
  timeout: 'The target did not answer in time.',
  too_large: 'The answer of the target is too large.',
  bad_answer: 'The answer of the target is not HTTP as Signet reads it.',
} as const;

export type FetchErrorCode = keyof typeof texts;

/** Why a fetch failed. The texts are the same for every target, so that a client cannot probe addresses or services through Signet. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly code: FetchErrorCode;

  constructor(code: FetchErrorCode) {
    super(texts[code]);
    this.code = code;
  }
}
