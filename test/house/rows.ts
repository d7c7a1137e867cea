/** What an OAuth and OpenID Connect server has to do, row by row; titles of tests name the rows that they hold. */
export const ROWS: Readonly<Record<string, string>> = {
  M1: 'The metadata says the configured issuer to the letter, the same as every token and every redirect.',
  M2: 'An issuer with a path has its documents before and after that path, and they are the same.',
  M3: 'Every required field is there, no list is empty, `none` is no algorithm, and every address begins with the issuer.',
  M4: 'What works is named: PKCE, `iss` in answers, every endpoint, logout, proofs, ways to authenticate.',
  M5: 'Every grant, method, algorithm, prompt and mode that is named works; every other one is refused.',
  M6: 'Public documents have an ETag and a lifetime, may be read from any origin, answer HEAD, and 405 to what they do not take.',
  K1: 'Published keys have public members only, each with `kid`, `alg` and `use`.',
  K2: 'Rotation publishes a key before it signs and keeps it until its last token is over; a revoked key is gone at once.',
  K3: 'Every token names a published key; tokens that name unknown ones cause no flood of requests, and an outage stops nothing.',
  A1: 'An authorization request may come by GET and by POST; unknown parameters are ignored, empty ones absent, repeated ones refused.',
  A2: 'An unknown client or an address that is not its own is a page, never a redirect.',
  A3: 'Redirect URIs are compared to the letter; only the loopback port of a native app is free.',
  A4: 'An answer has the state as it came and `iss`, by 303; nothing is kept, framed or told to others.',
  A5: 'No page of another origin reads the authorization endpoint.',
  A6: 'PKCE by S256 alone, always for a public client.',
  A7: 'What is not offered is refused by its own error.',
  A8: '`prompt` and `max_age`: none shows nothing, login authenticates anew.',
  A9: 'Hints, `claims`, `acr_values`; who refuses is `access_denied`.',
  A10: 'A code has 256 random bits, lives a minute, counts once, and a second use ends what it gave.',
  A11: 'Consent is asked for, shown in words, remembered, listed and taken back.',
  T1: 'Forms only, by POST only, each parameter once, nothing from the query.',
  T2: 'Every answer is JSON that nobody keeps.',
  T3: 'Errors are those of RFC 6749, in plain ASCII; bad input is never 500.',
  T4: 'One way to authenticate in a request, and only a registered one; what is wrong with it is not told.',
  T5: 'Assertions are for the issuer alone, short-lived, used once, by a key of the client.',
  T6: 'Verifier and challenge belong together, and there is none without the other.',
  T7: 'A code is good for its client and its address alone.',
  T8: 'No password grant, no implicit flow, no grant that the client was not given.',
  T9: 'Refresh tokens are bound, narrowed only, rotated; reuse ends the family; they die with session, user and client.',
  T10: 'A client asks for itself: no refresh token, and never the name of a user.',
  T11: 'A token is for one API that the client may ask for.',
  V1: 'A device gets two random codes, an address, and how often it may ask.',
  V2: 'It waits, is slowed down, refused or too late, and gets its tokens once.',
  V3: 'Who approves sees the client and the code, and decides on a page of their own session.',
  X1: 'An exchange never widens, takes nothing that has ended, keeps who acted, and writes impersonation down.',
  B1: 'Challenges at resources: none, wrong, lacking, twice.',
  B2: 'Step-up: who authenticated too long ago or too weakly is told so.',
  B3: 'DPoP: a proof is for one request, by the key that the token is bound to.',
  B4: 'Userinfo by GET and POST, for the subject of the ID token, signed where a client asks.',
  J1: 'The ID token says who, for whom, when and how, and fits the access token that it came with.',
  J2: 'The access token says its type, its key and every claim that RFC 9068 requires, and lives minutes.',
  J3: 'Verifiers refuse every other kind of token, however it is spelled.',
  J4: 'Every form of the permission claims decides alike; what is not known is not guessed.',
  R1: 'Only the client that holds a token revokes it; nobody learns of any other; an outage is no success.',
  R2: 'What is revoked is refused at once by the server, and by the lists within seconds.',
  I1: 'Introspection is for clients that authenticate; whatever is not theirs to see is inactive and nothing more.',
  I2: 'What is active is said as of now, and to the API that it is for.',
  P1: 'Pushed requests: authenticated, random, short-lived, and checked at once.',
  P2: 'They are bound to their client, count once, and nothing beside them counts.',
  L1: 'An ID token of the session ends it and leads back with the state.',
  L2: 'Without one the user is asked; nobody is sent to an address that is not registered.',
  L3: 'Clients are told of the end of a session by a signed notice that outlives restarts.',
};

interface Due {
  readonly what: string;
  readonly waitsFor: string;
  readonly today: string;
}

/** What of the rows is neither built nor offered. */
export const DUE: readonly Due[] = [
  {
    what: 'an `acr` above `urn:signet:acr:1fa` (A9, B2)',
    waitsFor: 'second factors',
    today: 'an essential one is `unmet_authentication_requirements`, a wished-for one is passed over',
  },
  {
    what: '`prompt=create` (A8)',
    waitsFor: 'the sign-up page',
    today: '`invalid_request`, and not among `prompt_values_supported`',
  },
];
