/** The stored name of Signet's own API. Its audience in tokens is the issuer, which may change. */
export const OWN_AUDIENCE = 'signet';

/** Returns the audience without a trailing slash: clients of RFC 8707 write it with and without one. */
export function audienceKey(audience: string): string {
  return audience.endsWith('/') ? audience.slice(0, -1) : audience;
}

/** Returns the key of the API that an audience names. The issuer, if given, names Signet's own. */
export function resolveAudienceKey(audience: string, issuer?: string): string {
  const key = audienceKey(audience);
  return issuer !== undefined && key === audienceKey(issuer) ? OWN_AUDIENCE : key;
}
