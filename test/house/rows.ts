/** The requirements for an OAuth and OpenID Connect server. Titles of tests name the rows that they hold. */
export const ROWS: Readonly<Record<string, string>> = {
  M1: 'The issuer in the metadata is the configured one, character for character, as in every token and every redirect.',
  M2: 'An issuer with a path serves its documents before and after that path, and both are the same.',
  M3: 'Every required field is there, no list is empty, `none` is no algorithm, and every address begins with the issuer.',
  M4: 'The metadata names what works: PKCE, `iss` in responses, every endpoint, logout, DPoP, client authentication methods.',
  M5: 'Every grant type, method, algorithm, prompt and response mode in the metadata works; every other one is refused.',
  M6: 'Public documents have an ETag and a lifetime, may be read from any origin, answer HEAD, and answer 405 to other methods.',
  K1: 'Published keys have public members only, each with `kid`, `alg` and `use`.',
  K2: 'Rotation publishes a key before it signs, and keeps it until its last token has expired; a revoked key is removed at once.',
  K3: 'Every token names a published key; tokens with unknown keys cause no flood of requests, and an outage stops nothing.',
  A1: 'An authorization request may come by GET and by POST; unknown parameters are ignored, empty ones count as absent, repeated ones are refused.',
  A2: 'An unknown client or an unregistered redirect URI gets an error page, never a redirect.',
  A3: 'Redirect URIs are compared character for character; only the loopback port of a native app may vary.',
  A4: 'A response has `state` unchanged and `iss`, by 303; it is not cached, not framed, and leaks no referrer.',
  A5: 'No page of another origin can read the authorization endpoint.',
  A6: 'PKCE allows S256 only, and a public client must use it.',
  A7: 'A feature that is not supported is refused with its own error.',
  A8: '`prompt` and `max_age`: `none` shows no page, `login` authenticates the user again.',
  A9: 'Hints, `claims`, `acr_values`; a user who denies the request causes `access_denied`.',
  A10: 'A code has 256 random bits, lives for a minute and can be redeemed once; a second use revokes its tokens.',
  A11: 'Users are asked for consent in plain words; it is stored, listed and can be withdrawn.',
  T1: 'The token endpoint takes forms by POST only, each parameter once, nothing from the query.',
  T2: 'Every response is JSON and is not cached.',
  T3: 'Errors are those of RFC 6749, in plain ASCII; bad input never causes a 500.',
  T4: 'A request uses one authentication method, the registered one; the error does not tell what was wrong with it.',
  T5: 'Client assertions are for the issuer only, short-lived, used once, and signed by a key of the client.',
  T6: 'code_verifier and code_challenge must match, and neither is accepted without the other.',
  T7: 'A code can be redeemed only by its client, with its redirect URI.',
  T8: 'There is no password grant and no implicit flow, and a client uses only the grant types it is registered for.',
  T9: 'Refresh tokens are bound to their client, can only be narrowed, and rotate; reuse ends the family; they end with session, user and client.',
  T10: 'client_credentials returns no refresh token, and the token never has the name of a user.',
  T11: 'A token is for one API, and the client must be allowed to request it.',
  V1: 'A device gets two random codes, a verification URI and a polling interval.',
  V2: 'The device polls, may be told to slow down, is refused or expires, and gets its tokens once.',
  V3: 'The user who approves sees the client and the code, and decides on a page in their own session.',
  X1: 'Token exchange never widens rights, accepts nothing that has ended, keeps the actor, and records impersonation.',
  B1: 'Resources answer with the right challenge to missing, invalid, insufficient and repeated tokens.',
  B2: 'Step-up: a user who authenticated too long ago or too weakly must authenticate again.',
  B3: 'DPoP: a proof is for one request, by the key that the token is bound to.',
  B4: 'Userinfo answers GET and POST, for the subject of the ID token, signed if the client asks for it.',
  J1: 'The ID token names the subject, the audience, the time and the method of authentication, and matches the access token beside it.',
  J2: 'The access token has its type, its key and every claim that RFC 9068 requires, and lives for minutes.',
  J3: 'Verifiers refuse every other kind of token, in any spelling of its type.',
  J4: 'Every format of the permission claims leads to the same decision; nothing unknown is guessed.',
  R1: 'Only its own client can revoke a token; another client learns nothing; an outage is not reported as success.',
  R2: 'The server refuses a revoked token at once, and status lists have it within seconds.',
  I1: 'Introspection requires client authentication; a token that the client may not see is inactive, with no further member.',
  I2: 'An active response has the current rights, and only for the API that the token is for.',
  P1: 'Pushed requests are authenticated, random, short-lived, and checked at once.',
  P2: 'They are bound to their client and used once, and parameters beside them are ignored.',
  L1: 'An ID token of the session ends that session, and the user returns with the state.',
  L2: 'Without an ID token the user is asked; no redirect goes to an unregistered URI.',
  L3: 'Clients learn that a session ended by a signed logout token, which survives restarts.',
};

interface Due {
  readonly what: string;
  readonly waitsFor: string;
  readonly today: string;
}

/** Parts of the rows that are not built and not advertised. */
export const DUE: readonly Due[] = [
  {
    what: 'an `acr` above `urn:signet:acr:1fa` (A9, B2)',
    waitsFor: 'second factors',
    today: 'an essential one causes `unmet_authentication_requirements`, a voluntary one is ignored',
  },
  {
    what: '`prompt=create` (A8)',
    waitsFor: 'the sign-up page',
    today: '`invalid_request`, and not among `prompt_values_supported`',
  },
];
