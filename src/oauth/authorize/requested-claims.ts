import { OAuthError } from '../../platform/http/index.ts';
import type { RequestedClaims } from '../../tokens/index.ts';

/** What the parameter `claims` says (OIDC Core §5.5). */
export interface ClaimsParameter {
  /** By name, for the ID token and for userinfo. */
  readonly names: RequestedClaims | null;
  /** The user that the client means. */
  readonly sub: string | null;
  /** Classes of authentication of which one must be reached; null: it does not insist (§5.5.1.1). */
  readonly acr: readonly string[] | null;
}

const none: ClaimsParameter = { names: null, sub: null, acr: null };

/** Claims that one request may name: there are not so many. */
const MOST = 100;

export function readClaimsParameter(text: string | undefined): ClaimsParameter {
  if (text === undefined) return none;
  const asked = expectObject(parse(text));
  const idToken = readMembers(asked, 'id_token');
  const userinfo = readMembers(asked, 'userinfo');
  const { sub, acr } = idToken;
  const wanted = expectObject(sub ?? {})['value'];
  if (wanted !== undefined && typeof wanted !== 'string') throw malformed();
  return {
    names: { idToken: Object.keys(idToken), userinfo: Object.keys(userinfo) },
    sub: wanted ?? null,
    acr: essentialValues(expectObject(acr ?? {})),
  };
}

/** What each of them is asked for with: null, or an object (§5.5.1). Members that nobody knows are ignored. */
function readMembers(asked: Record<string, unknown>, name: string): Record<string, unknown> {
  const members = expectObject(asked[name] ?? {});
  if (Object.keys(members).length > MOST) throw malformed();
  for (const one of Object.values(members)) if (one !== null) expectObject(one);
  return members;
}

function essentialValues({ essential, value, values }: Record<string, unknown>): readonly string[] | null {
  const all: unknown = value === undefined ? (values ?? []) : [value];
  if (!Array.isArray(all) || !all.every((one) => typeof one === 'string')) throw malformed();
  return essential === true && all.length > 0 ? (all as string[]) : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed();
  }
}

function expectObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
  return value as Record<string, unknown>;
}

function malformed(): OAuthError {
  return new OAuthError('invalid_request', 'claims is not as OpenID Connect Core 5.5 says.');
}
