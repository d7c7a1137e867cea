import type { OpenapiTexts } from '../platform/http/index.ts';

const info = {
  title: 'Signet',
  summary: 'Users, sessions, permissions and the tokens that carry them.',
  description: `What holds everywhere, and is not repeated below:

- An unknown path is 404 \`not_found\`; another method of a known path is 405 \`method_not_allowed\` with \`Allow\` (below \`/oauth2\`: \`invalid_request\`). Every path with GET has HEAD too.
- Input that is not HTTP is 400 \`bad_request\`, a head that is too long is 431 \`headers_too_large\`, and a request that does not arrive completely in time is 408 \`request_timeout\`. The connection is then closed.
- A fault of Signet is 500 \`internal\` (below \`/oauth2\`: \`server_error\`). No request should cause one.
- Every response has \`x-request-id\`, which is also in the log.
- A request that fails changes nothing. Unknown fields are refused; no field is dropped or converted.`,
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const tags = [
  { name: 'login', description: 'Sign-up, login, logout, tokens from a session.' },
  { name: 'permissions', description: 'The user of a request, and the current permissions.' },
  { name: 'account', description: 'The account of the user, by cookie only.' },
  { name: 'oauth', description: 'The endpoints for clients: forms in, JSON out (RFC 6749).' },
  { name: 'documents', description: 'Public documents for programs.' },
  { name: 'health', description: 'Probes.' },
  { name: 'pages', description: 'The pages for people.' },
];

const securitySchemes = {
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-signet_session',
    description: 'Set by a login. Over plain http, in development only, its name is `signet_session`.',
  },
  client: {
    type: 'http',
    scheme: 'basic',
    description: 'client_id and client_secret, each form-encoded first (RFC 6749 §2.3.1). Or send both in the form.',
  },
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token of Signet (RFC 6750).' },
  registration: {
    type: 'http',
    scheme: 'bearer',
    description: 'An initial access token (RFC 7591 §3): `npx signet client registration-token`.',
  },
} as const;

/** What openapi.yaml says beyond the routes. */
export const openapiTexts: OpenapiTexts = { info, tags, securitySchemes };
