import type { OpenapiTexts } from '../platform/http/index.ts';

const info = {
  title: 'Signet',
  summary: 'Users, sessions, permissions and the tokens that carry them.',
  description: `What holds everywhere, and is not repeated below:

- A path that is not here is 404 \`not_found\`; a path with another method is 405 \`method_not_allowed\` with \`Allow\` (below \`/oauth2\`: \`invalid_request\`). Every GET takes HEAD too.
- What is no HTTP is \`bad_request\`, too long a head is 431 \`headers_too_large\`, what does not come whole in time is 408 \`request_timeout\`; the connection ends.
- A fault of Signet is 500 \`internal\` (below \`/oauth2\`: \`server_error\`). No request should cause one.
- Every answer has \`x-request-id\`, which the log repeats.
- A request that fails changes nothing. Fields that are not here are refused, none is dropped or converted.`,
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const tags = [
  { name: 'login', description: 'Sign-up, login, logout, tokens from a session.' },
  { name: 'permissions', description: 'Who is this, and what may they do now?' },
  { name: 'account', description: 'What users do with their own account, by cookie only.' },
  { name: 'oauth', description: 'What clients ask: forms in, JSON out (RFC 6749).' },
  { name: 'documents', description: 'Public documents for programs.' },
  { name: 'health', description: 'Probes.' },
  { name: 'pages', description: 'What people see in a browser.' },
];

const securitySchemes = {
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-signet_session',
    description:
      'Set by a login. Over plain http, which only development on loopback has, its name is `signet_session`.',
  },
  client: {
    type: 'http',
    scheme: 'basic',
    description: 'client_id and client_secret, each form-encoded first (RFC 6749 §2.3.1). Or both in the form.',
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
