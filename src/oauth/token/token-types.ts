/** RFC 8693 §3: what an exchange takes and gives. */
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT = 'urn:ietf:params:oauth:token-type:jwt';

/** RFC 8693 §2.2.1. */
export const issued = { issuedTokenType: ACCESS_TOKEN } as const;
