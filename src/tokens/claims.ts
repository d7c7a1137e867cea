import { audienceOf, getAllPermissions, type KnownApi, type Rights } from '../access/index.ts';
import { numericDate, plusSeconds } from '../platform/time.ts';

/** The client that first-party apps log in by: the JSON API itself. */
export const OWN_CLIENT = 'signet';

/** The subject as a token speaks of it. */
export interface Subject {
  readonly id: string;
  /** A client's own token has none. */
  readonly username?: string;
  readonly isStaff?: boolean;
}

/** The session that a token belongs to; a token issued by an operator has none. */
export interface TokenSession {
  readonly id: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
}

export interface TokenRequest {
  readonly issuer: string;
  readonly api: Omit<KnownApi, 'id'>;
  readonly clientId: string;
  readonly subject: Subject;
  readonly rights: Rights;
  readonly session: TokenSession | null;
  /** Scopes that were asked for; unknown ones are dropped. Absent or empty: no `scope` claim. */
  readonly scope: string | undefined;
  /** The imported primary key, where the API's tokens carry it. */
  readonly sourceId?: string | number | undefined;
}

/** RFC 9068 §2.2 with Signet's permission claims. */
export interface AccessTokenClaims {
  iss: string;
  sub: string;
  aud: string;
  client_id: string;
  iat: number;
  exp: number;
  jti: string;
  sid?: string;
  auth_time?: number;
  amr?: readonly string[];
  scope?: string;
  username?: string;
  source_id?: string | number;
  is_staff: boolean;
  is_superuser: boolean;
  permissions: string[];
}

const knownScopes = ['openid', 'profile', 'email', 'groups'];

/** The scopes that Signet knows, in the order asked for, each once (OIDC Core §3.1.2.1: unknown ones are ignored). */
function keptScopes(scope: string | undefined): string | undefined {
  const kept = [...new Set(scope?.split(' ') ?? [])].filter((one) => knownScopes.includes(one));
  return kept.length === 0 ? undefined : kept.join(' ');
}

export function accessTokenClaims(request: TokenRequest, jti: string, now: Date): AccessTokenClaims {
  const { api, subject, rights, session } = request;
  const scope = keptScopes(request.scope);
  return {
    iss: request.issuer,
    sub: subject.id,
    aud: audienceOf(api, request.issuer),
    client_id: request.clientId,
    iat: numericDate(now),
    exp: numericDate(plusSeconds(now, api.ttlSeconds)),
    jti,
    ...(session ? { sid: session.id, auth_time: numericDate(session.authTime), amr: session.amr } : {}),
    ...(scope ? { scope } : {}),
    ...(api.withUsername && subject.username !== undefined ? { username: subject.username } : {}),
    ...(api.withSourceId && request.sourceId !== undefined ? { source_id: request.sourceId } : {}),
    is_staff: rights.isActive && (subject.isStaff === true || rights.isStaff),
    is_superuser: rights.isActive && rights.isSuperuser,
    permissions: getAllPermissions(rights),
  };
}
