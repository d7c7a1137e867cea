/** Signet's own API is kept under this name; its audience in tokens is the issuer, which may change. */
export const OWN_AUDIENCE = 'signet';

/** Two audiences that differ by a trailing slash are one (RFC 8707 clients disagree about it). */
export function audienceKey(audience: string): string {
  return audience.endsWith('/') ? audience.slice(0, -1) : audience;
}

/** The key of the API that is meant: the issuer, where it is known, means Signet's own. */
export function keyOfAudience(audience: string, issuer?: string): string {
  const key = audienceKey(audience);
  return issuer !== undefined && key === audienceKey(issuer) ? OWN_AUDIENCE : key;
}
