import { Problem, type ProblemCode } from '../platform/http/index.ts';
import { quote } from '../platform/text.ts';

type Refusal = readonly [code: ProblemCode, detail: string | ((params: never) => string)];

/** What the routes of this room refuse: the problem, and what its detail says. */
const REFUSALS = {
  session_missing: ['unauthenticated', 'Send the session cookie that POST /api/v1/login sets.'],
  session_ended: ['unauthenticated', 'The session has ended. Log in again.'],
  credentials_wrong: ['invalid_credentials', 'Wrong username or password.'],
  signup_off: ['signup_closed', 'Ask an administrator for an account.'],
  password_changed_meanwhile: ['conflict', 'Another request changed the password first. Log in with the new password.'],
  own_session_not_found: [
    'not_found',
    'You have no live session with that id. To list your sessions: GET /api/v1/account/sessions',
  ],
  own_grant_not_found: [
    'not_found',
    'You have not allowed a client with that id. To list those you have: GET /api/v1/account/grants',
  ],
  audience_unknown: [
    'unknown_audience',
    ({ audience }: { readonly audience: string }) => `There is no API with the audience ${quote(audience)}.`,
  ],
  token_too_large: [
    'token_over_budget',
    ({ audience, bytes, permissions, budget }: TokenExcess) =>
      `The token would have ${bytes} bytes for ${permissions} permissions, and the budget of ${audience} is ${budget}. ` +
      `Raise the budget (npx signet api update ${audience} --budget 8192), let its tokens carry a bitmap (--over-budget bitmap), or assign this user fewer permissions of that API.`,
  ],
  catalogue_version_unknown: [
    'not_found',
    ({ version }: { readonly version: string }) =>
      `The catalogue has no version ${version}. Leave out version to get the present one.`,
  ],
  publisher_token_wrong: ['invalid_token', 'Send an access token for Signet itself. Its audience is the issuer.'],
  publisher_not_a_client: [
    'permission_denied',
    'Only a service account can publish a catalogue. Send its own token (client_credentials), not the token of a user.',
  ],
  publisher_without_permission: [
    'permission_denied',
    ({ clientId, permission }: { readonly clientId: string; readonly permission: string }) =>
      `The service account lacks ${permission}. To grant it: npx signet perm grant --client ${clientId} --api signet ${permission}`,
  ],
  publisher_of_other_api: [
    'permission_denied',
    ({ clientId, audience }: { readonly clientId: string; readonly audience: string }) =>
      `The service account does not serve ${audience}. To change that: npx signet client update ${clientId} --serves ${audience}`,
  ],
  catalogue_of_own_api: [
    'permission_denied',
    "This is Signet's own API. Its permissions come with the version of Signet.",
  ],
  api_changed_meanwhile: ['conflict', 'Another request changed this API at the same time. Send the request again.'],
} as const satisfies Readonly<Record<string, Refusal>>;

interface TokenExcess {
  readonly audience: string;
  readonly bytes: number;
  readonly permissions: number;
  readonly budget: number;
}

type Reason = keyof typeof REFUSALS;
type DetailOf<One extends Reason> = (typeof REFUSALS)[One][1];
type Rest<One extends Reason> =
  DetailOf<One> extends (params: infer Params) => string
    ? [params: Params, headers?: Record<string, string>]
    : [params?: undefined, headers?: Record<string, string>];

/** Returns the problem of a refusal of this room. */
export function refusal<One extends Reason>(reason: One, ...[params, headers]: Rest<One>): Problem {
  const [code, text]: Refusal = REFUSALS[reason];
  return new Problem(code, {
    detail: typeof text === 'string' ? text : text(params as never),
    ...(headers ? { headers } : {}),
  });
}
