import type { RequestedClaims } from '../../tokens/index.ts';
import { oauthError } from '../errors.ts';

/** The parameter `claims` (OIDC Core §5.5). */
export interface ClaimsParameter {
  /** Names of claims for the ID token and for userinfo. */
  readonly names: RequestedClaims | null;
  /** The user that the client means. */
  readonly sub: string | null;
  /** Authentication contexts of which one is essential; null if none is (§5.5.1.1). */
  readonly acr: readonly string[] | null;
}

const none: ClaimsParameter = { names: null, sub: null, acr: null };

/** Claims that a request may name for each of the two. */
const MAX_CLAIMS = 100;

export function readClaimsParameter(text: string | undefined): ClaimsParameter {
  if (text === undefined) return none;
  const parameter = expectObject(parse(text));
  const idToken = readMembers(parameter, 'id_token');
  const userinfo = readMembers(parameter, 'userinfo');
  const { sub, acr } = idToken;
  const subject = expectObject(sub ?? {})['value'];
  if (subject !== undefined && typeof subject !== 'string') throw oauthError('claims_invalid');
  return {
    names: { idToken: Object.keys(idToken), userinfo: Object.keys(userinfo) },
    sub: subject ?? null,
    acr: essentialValues(expectObject(acr ?? {})),
  };
}

/** Reads the claims of one target. Each value is null or an object (§5.5.1); unknown members are ignored. */
function readMembers(parameter: Record<string, unknown>, name: string): Record<string, unknown> {
  const members = expectObject(parameter[name] ?? {});
  if (Object.keys(members).length > MAX_CLAIMS) throw oauthError('claims_invalid');
  for (const one of Object.values(members)) if (one !== null) expectObject(one);
  return members;
}

function essentialValues({ essential, value, values }: Record<string, unknown>): readonly string[] | null {
  const all: unknown = value === undefined ? (values ?? []) : [value];
  if (!Array.isArray(all) || !all.every((one) => typeof one === 'string')) throw oauthError('claims_invalid');
  return essential === true && all.length > 0 ? (all as string[]) : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw oauthError('claims_invalid');
  }
}

function expectObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw oauthError('claims_invalid');
  return value as Record<string, unknown>;
}
