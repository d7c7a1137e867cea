import { type ApiSnapshot, getAllPermissions, hasPerm, type Rights } from '../permissions/index.ts';
import { parseUuid } from '../platform/text.ts';
import { numericDate, plusSeconds } from '../platform/time.ts';
import { type StatusIndex, statusListUri } from './status/status-index.ts';
import { tokenAudience } from './userinfo-api.ts';

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
  /** Said where an authorization request could ask for it. */
  readonly acr?: string;
}

/** Who acts for the subject, and who acted before (RFC 8693 §4.1). */
export interface Actor {
  readonly sub: string;
  /** By which client, where that is not the actor itself. */
  readonly client_id?: string;
  readonly act?: Actor;
}

/** Whether a user acts, or has acted, for the subject: a client's id is no UUID. */
export function hasUserActor({ sub, act }: Actor): boolean {
  return parseUuid(sub) !== null || (act !== undefined && hasUserActor(act));
}

export interface TokenRequest {
  readonly issuer: string;
  readonly api: Omit<ApiSnapshot, 'id' | 'version'>;
  readonly clientId: string;
  readonly subject: Subject;
  readonly rights: Rights;
  readonly session: TokenSession | null;
  /** Scopes that were asked for; unknown ones are dropped. Absent or empty: no `scope` claim. */
  readonly scope: string | undefined;
  /** The imported primary key, where the API's tokens carry it. */
  readonly sourceId?: string | number | undefined;
  /** The key that it is bound to (RFC 9449 §6). */
  readonly jkt?: string | null | undefined;
  readonly act?: Actor | undefined;
  /** When it ends at the latest, earlier than the API's tokens would. */
  readonly until?: Date | undefined;
  /** Where its status stands. */
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
  /** RFC 7800 §3: the key that has to be shown with it. */
  cnf?: { jkt: string };
  act?: Actor;
  /** draft-ietf-oauth-status-list §6.2. */
  status?: { status_list: { idx: number; uri: string } };
}

/** Which permissions of a catalogue, by their places in it. */
export interface PermissionsBitmap {
  /** The catalogue's version, and the first 8 bytes of its hash, base64url. */
  readonly v: number;
  readonly h: string;
  /** One bit for each index given until that version, least significant first, base64url. */
  readonly b: string;
}

/** How permissions are said in one token: as its API wishes, or as a bitmap where its list would be too long. */
export type Format = ApiSnapshot['format'];

/** Scopes with a meaning of their own; the rest are names of permissions. */
export const USER_SCOPES: readonly string[] = ['openid', 'profile', 'email', 'groups', 'permissions', 'offline_access'];

/**
 * The scopes that are kept, in the order asked for, each once; unknown ones are dropped (OIDC Core §3.1.2.1). OpenID's are about a
 * user, for that user: who acts for another gets permissions, and nothing about the user. An API of format `scope` is told in them which of the
 * permissions that were asked for its caller has.
 */
function filterScopes({ scope, clientId, subject, rights, act }: TokenRequest, format: Format): string | undefined {
  if (scope === undefined) return undefined;
  const isUser = subject.username !== undefined && !(act && hasUserActor(act));
  // A session is its own grant: there is nothing that could outlive it.
  const userScopes = clientId === OWN_CLIENT ? USER_SCOPES.filter((one) => one !== 'offline_access') : USER_SCOPES;
  const isGranted = (one: string) =>
    (isUser && userScopes.includes(one)) || (format === 'scope' && hasPerm(rights, one) && rights.permissions.has(one));
  const granted = [...new Set(scope.split(' '))].filter(isGranted);
  return granted.length === 0 ? undefined : granted.join(' ');
}

/**
 * What a token gives of the scopes that were asked for, for the answer that it comes with (RFC 6749 §3.3, §5.1): a permission counts that its
 * holder has, however the API's tokens say so.
 */
export function grantedScope(request: TokenRequest): string | undefined {
  return filterScopes(request, 'scope');
}

/** Of the catalogue's hash, in a token. */
const HASH_BYTES = 8;

function permissionClaims(
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
    ...permissionClaims(rights, format),
    ...(jkt ? { cnf: { jkt } } : {}),
    ...(act ? { act } : {}),
    ...(statusIndex
      ? { status: { status_list: { idx: statusIndex.idx, uri: statusListUri(request.issuer, statusIndex.list) } } }
      : {}),
  };
}

/** How strongly somebody was authenticated (OIDC Core §2), weakest first; each is reached by what `amr` lists. */
export const ACR_VALUES = ['urn:signet:acr:1fa'] as const;

/** The class of a session's methods (RFC 8176). One factor is all there is today. */
export function readAcr(_amr: readonly string[]): (typeof ACR_VALUES)[number] {
  return ACR_VALUES[0];
}
