import type { SqlEntityManager } from '@mikro-orm/sql';
import { Client, findActiveToken } from '../../oauth/index.ts';
import { createPermissionCache, findApi } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import { Session } from '../../sessions/index.ts';
import {
  type AccessTokenClaims,
  createVerifier,
  type KeyRing,
  OWN_CLIENT,
  RevokedToken,
  STATUS,
  statusIndexFromClaim,
  TokenStatus,
  verifyAccessToken,
} from '../../tokens/index.ts';
import { User } from '../../users/index.ts';
import type { Context, DatabaseCommand } from '../command.ts';
import { duration, fields, printable, yesNo } from './text.ts';
import { decodeToken, readTokenArgument } from './token-text.ts';

/** Checks a token as introspection does, and explains why it is not active. */
export const tokenVerify: DatabaseCommand = {
  kind: 'database',
  name: 'token verify',
  summary: 'Say whether a token on standard input is good now, and why not',
  usage: '-',
  args: { min: 1, max: 1 },
  readsStdin: (input) => input.positionals[0] === '-',
  async run(context, input) {
    const token = readTokenArgument(input, input.stdin, tokenVerify.name);
    const keys = await context.keys();
    const now = context.clock.now();
    const { db } = context;
    const issuer = context.issuer();
    const active = await findActiveToken(
      { db, keys, issuer, access: createPermissionCache(db, issuer), verify: createVerifier(keys, issuer) },
      token,
      now,
    );
    if (!active) {
      const { reason, text } = await explainRejection(context, keys, token, now);
      throw new Failure('failed', `Not active: ${text}`, { active: false, reason });
    }
    const { claims, user, rights } = active;
    const secondsLeft = Math.floor(claims.exp - now.getTime() / 1000);
    return {
      data: {
        active: true,
        claims,
        expires_in: secondsLeft,
        permissions_now: rights.list,
        is_superuser_now: rights.isSuperuser,
      },
      text: fields([
        ['Active', `yes, ${duration(secondsLeft)} left`],
        user ? ['User', `${user.username} (${user.id})`] : ['Client', claims.client_id],
        ['Audience', claims.aud],
        ['Session', claims.sid ?? (user ? '(none: issued by an operator)' : "(none: a client's own token)")],
        ['Superuser now', yesNo(rights.isSuperuser)],
        [
          'Permissions now',
          `${rights.list.length}${claims.permissions ? `; in the token: ${claims.permissions.length}` : ''}`,
        ],
      ]),
    };
  },
};

const SIGN_IN_AGAIN = 'Let the user sign in again.';

interface Rejection {
  readonly reason: string;
  readonly text: string;
}

async function explainRejection(context: Context, keys: KeyRing, token: string, now: Date): Promise<Rejection> {
  const issuer = context.issuer();
  const claims = verifyAccessToken(keys, issuer, token, now);
  return claims ? explainInactive(context, claims, now) : explainInvalid(keys, issuer, token, now);
}

/** Explains why the token does not verify: the first reason in the order in which a verifier checks. */
function explainInvalid(keys: KeyRing, issuer: string, token: string, now: Date): Rejection {
  const decoded = decodeToken(token);
  if (typeof decoded === 'string')
    return { reason: 'malformed', text: `it is not a JWT, because ${decoded}. Copy the whole token.` };
  const { header, claims } = decoded;
  const { kid, alg, typ } = header;
  if (claims['iss'] !== issuer)
    return {
      reason: 'other_issuer',
      text: `it was issued by ${display(claims['iss'])}, and this server is ${issuer}. Verify it there, or correct SIGNET_ISSUER.`,
    };
  const key = typeof kid === 'string' ? keys.find(kid) : undefined;
  if (!key)
    return {
      reason: 'unknown_key',
      text: `there is no key ${display(kid)}, so it was revoked or is of another database. To list the keys: npx signet keys list`,
    };
  if (alg !== key.alg)
    return {
      reason: 'wrong_algorithm',
      text: `its header has the alg ${display(alg)}, but its key is for ${key.alg}. Get a new token.`,
    };
  if (typ !== 'at+jwt' && typ !== 'JWT')
    return {
      reason: 'other_kind',
      text: `its typ is ${display(typ)}, so it is not an access token. Send the access token.`,
    };
  const exp = claims['exp'];
  if (typeof exp !== 'number' || exp > now.getTime() / 1000)
    return {
      reason: 'bad_signature',
      text: 'its signature is wrong, or its claims are not those of an access token. Get a new token.',
    };
  // Verified as of a time before its expiry, any other fault shows.
  if (!verifyAccessToken(keys, issuer, token, new Date((exp - 1) * 1000)))
    return { reason: 'bad_signature', text: 'its signature is wrong, and it has expired too. Get a new token.' };
  return { reason: 'expired', text: `it expired ${duration(now.getTime() / 1000 - exp)} ago. Get a new token.` };
}

/** Explains why a verified token is not active: something it depends on has ended. */
async function explainInactive({ db, issuer }: Context, claims: AccessTokenClaims, now: Date): Promise<Rejection> {
  const em = db.fork();
  if (!(await findApi(em, claims.aud, issuer())))
    return { reason: 'no_api', text: `the API ${claims.aud} was deleted. To list the APIs: npx signet api list` };
  if ((await em.count(RevokedToken, { jti: claims.jti })) > 0)
    return { reason: 'revoked', text: 'it was revoked. Get a new token.' };
  if (claims.client_id !== OWN_CLIENT) {
    const client = await em.findOne(Client, { clientId: claims.client_id });
    if (!client)
      return { reason: 'no_client', text: 'its client was deleted. To list the clients: npx signet client list' };
    if (!client.isActive)
      return {
        reason: 'disabled_client',
        text: `its client ${client.name} is disabled. To enable it: npx signet client enable ${client.clientId}`,
      };
  }
  const user = await em.findOne(User, claims.sub);
  if (!user || user.deletedAt)
    return { reason: 'no_user', text: 'its user was deleted. To list the users: npx signet user list' };
  if (!user.isActive)
    return {
      reason: 'inactive_user',
      text: `its user ${user.username} is inactive. To activate the user: npx signet user activate ${user.username}`,
    };
  if (await isEnded(em, issuer(), claims))
    return { reason: 'ended', text: `the grant or login that it comes from has ended. ${SIGN_IN_AGAIN}` };
  const session = claims.sid === undefined ? null : await em.findOne(Session, claims.sid);
  if (!session) return { reason: 'no_session', text: `its session was deleted. ${SIGN_IN_AGAIN}` };
  if (session.endedAt)
    return { reason: 'session_ended', text: `its session ended (${session.endedReason}). ${SIGN_IN_AGAIN}` };
  if (session.expiresAt <= now || session.idleExpiresAt <= now)
    return { reason: 'session_expired', text: `its session has expired. ${SIGN_IN_AGAIN}` };
  if (session.passwordEpoch !== user.passwordEpoch)
    return { reason: 'password_changed', text: `the password was changed after its session began. ${SIGN_IN_AGAIN}` };
  return { reason: 'unknown', text: `its user, client or session was changed at the same moment. ${SIGN_IN_AGAIN}` };
}

/** Checks the status list. A token with a session has a more specific reason there. */
async function isEnded(em: SqlEntityManager, issuer: string, claims: AccessTokenClaims): Promise<boolean> {
  const statusIndex = claims.sid === undefined ? statusIndexFromClaim(issuer, claims.status?.status_list) : null;
  const status = statusIndex && (await em.findOne(TokenStatus, { list: statusIndex.list, idx: statusIndex.idx }));
  return statusIndex !== null && status?.state !== STATUS.valid && (!status || status.state === STATUS.revoked);
}

function display(value: unknown): string {
  return value === undefined ? '(nothing)' : printable(JSON.stringify(value).slice(0, 100));
}
