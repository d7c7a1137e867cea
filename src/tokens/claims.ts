import { type ApiSnapshot, getAllPermissions, hasPerm, type Rights } from '../permissions/index.ts';
import { isUuid } from '../platform/text.ts';
import { numericDate, plusSeconds } from '../platform/time.ts';
import { type StatusIndex, statusListUri } from './status/status-index.ts';
import { tokenAudience } from './userinfo-api.ts';

/** The client id of tokens from the login API. */
export const OWN_CLIENT = 'signet';

/** The subject of a token. */
export interface Subject {
  readonly id: string;
  /** Absent for a client's own token. */
  readonly username?: string;
  readonly isStaff?: boolean;
}

/** A user for whom tokens are issued, with the flags that count at every API. */
export interface TokenUser {
  readonly id: string;
  readonly username: string;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
}

/** The session of a token; tokens issued by an operator have none. */
export interface TokenSession {
  readonly id: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
  /** Set where an authorization request could ask for it. */
  readonly acr?: string;
}

/** The actor of a delegated token, with earlier actors inside (RFC 8693 §4.1). */
export interface Actor {
  readonly sub: string;
  /** The client through which the actor acts, where it is not the actor itself. */
  readonly client_id?: string;
  readonly act?: Actor;
}

/** Whether one of the actors is a user: a client id is not a UUID. */
export function hasUserActor({ sub, act }: Actor): boolean {
  return isUuid(sub) || (act !== undefined && hasUserActor(act));
}

export interface TokenRequest {
  readonly issuer: string;
  readonly api: Omit<ApiSnapshot, 'id' | 'version'>;
  readonly clientId: string;
  readonly subject: Subject;
  readonly rights: Rights;
  readonly session: TokenSession | null;
  /** Requested scopes; unknown ones are dropped. Absent or empty: no `scope` claim. */
  readonly scope: string | undefined;
  /** The imported primary key, where the API's tokens carry it. */
  readonly sourceId?: string | number | undefined;
  /** The key that the token is bound to (RFC 9449 §6). */
  readonly jkt?: string | null | undefined;
  readonly act?: Actor | undefined;
  /** The latest expiry, where it is earlier than the API's lifetime. */
  readonly until?: Date | undefined;
  /** Its index in a status list. */
  readonly statusIndex?: StatusIndex | undefined;
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
  acr?: string;
  scope?: string;
  username?: string;
  source_id?: string | number;
  is_staff: boolean;
  is_superuser: boolean;
  /** Format `list`: names, sorted by code unit. */
  permissions?: readonly string[];
  /** Format `bitmap`. */
  permissions_bitmap?: PermissionsBitmap;
  /** RFC 7800 §3: the key that must be proven with the token. */
  cnf?: { jkt: string };
  act?: Actor;
  /** draft-ietf-oauth-status-list §6.2. */
  status?: { status_list: { idx: number; uri: string } };
}

/** Permissions of a catalogue, by their indexes. */
export interface PermissionsBitmap {
  /** The catalogue's version and, in `h`, the first 8 bytes of its hash, base64url. */
  readonly v: number;
  readonly h: string;
  /** One bit for each index assigned up to that version, least significant first, base64url. */
  readonly b: string;
}

/** How one token carries permissions: as its API is set, or as a bitmap where the list would be too long. */
export type Format = ApiSnapshot['format'];

/** Scopes that are not names of permissions. */
export const USER_SCOPES: readonly string[] = ['openid', 'profile', 'email', 'groups', 'permissions', 'offline_access'];

/**
 * Returns the granted scopes in the requested order, each once; unknown ones are dropped (OIDC Core §3.1.2.1). OpenID's
 * scopes are granted to the user alone: an actor gets permissions, and no claims about the user. With the format
 * `scope`, the scopes name the requested permissions that the subject has.
 */
function filterScopes({ scope, clientId, subject, rights, act }: TokenRequest, format: Format): string | undefined {
  if (scope === undefined) return undefined;
  const isUser = subject.username !== undefined && !(act && hasUserActor(act));
  // A session is its own grant: nothing can outlive it.
  const userScopes = clientId === OWN_CLIENT ? USER_SCOPES.filter((one) => one !== 'offline_access') : USER_SCOPES;
  const isGranted = (one: string) =>
    (isUser && userScopes.includes(one)) || (format === 'scope' && hasPerm(rights, one) && rights.permissions.has(one));
  const granted = [...new Set(scope.split(' '))].filter(isGranted);
  return granted.length === 0 ? undefined : granted.join(' ');
}

/**
 * Returns the granted scopes for the token response (RFC 6749 §3.3, §5.1). A requested permission counts where the
 * subject has it, in whichever format the API's tokens carry permissions.
 */
export function grantedScope(request: TokenRequest): string | undefined {
  return filterScopes(request, 'scope');
}

/** Bytes of the catalogue's hash in a token. */
const HASH_BYTES = 8;

function formatPermissions(
  rights: Rights,
  format: Format,
): Pick<AccessTokenClaims, 'permissions' | 'permissions_bitmap'> {
  if (format === 'list') return { permissions: getAllPermissions(rights) };
  if (format !== 'bitmap') return {};
  const { version, hash } = rights.catalogue;
  const h = Buffer.from(hash, 'base64url').subarray(0, HASH_BYTES).toString('base64url');
  return { permissions_bitmap: { v: version, h, b: rights.bitmap } };
}

export function accessTokenClaims(request: TokenRequest, format: Format, jti: string, now: Date): AccessTokenClaims {
  const { api, subject, rights, session, statusIndex, jkt, act, until } = request;
  const scope = filterScopes(request, format);
  return {
    iss: request.issuer,
    sub: subject.id,
    aud: tokenAudience(api, request.issuer),
    client_id: request.clientId,
    iat: numericDate(now),
    exp: Math.min(numericDate(plusSeconds(now, api.ttlSeconds)), until ? numericDate(until) : Number.POSITIVE_INFINITY),
    jti,
    ...(session ? { sid: session.id, auth_time: numericDate(session.authTime), amr: session.amr } : {}),
    ...(session?.acr ? { acr: session.acr } : {}),
    ...(scope ? { scope } : {}),
    ...(api.withUsername && subject.username !== undefined ? { username: subject.username } : {}),
    ...(api.withSourceId && request.sourceId !== undefined ? { source_id: request.sourceId } : {}),
    is_staff: rights.isActive && (subject.isStaff === true || rights.isStaff),
    is_superuser: rights.isActive && rights.isSuperuser,
    ...formatPermissions(rights, format),
    ...(jkt ? { cnf: { jkt } } : {}),
    ...(act ? { act } : {}),
    ...(statusIndex
      ? { status: { status_list: { idx: statusIndex.idx, uri: statusListUri(request.issuer, statusIndex.list) } } }
      : {}),
  };
}
