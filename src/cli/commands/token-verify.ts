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
import { decode, readTokenArgument } from './token-text.ts';

/** Asks what a resource server would ask at introspection, and says why not. */
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
      const { reason, text } = await whyNot(context, keys, token, now);
      throw new Failure('failed', `Not active: ${text}`, { active: false, reason });
    }
    const { claims, user, rights } = active;
    const left = Math.floor(claims.exp - now.getTime() / 1000);
    return {
      data: {
        active: true,
        claims,
        expires_in: left,
        permissions_now: rights.list,
        is_superuser_now: rights.isSuperuser,
      },
      text: fields([
        ['Active', `yes, ${duration(left)} left`],
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

interface Why {
  readonly reason: string;
  readonly text: string;
}

async function whyNot(context: Context, keys: KeyRing, token: string, now: Date): Promise<Why> {
  const issuer = context.issuer();
  const claims = verifyAccessToken(keys, issuer, token, now);
  return claims ? whyOver(context, claims, now) : whyUnverified(keys, issuer, token, now);
}

/** The token does not verify: the first of the reasons, in the order in which a verifier looks. */
function whyUnverified(keys: KeyRing, issuer: string, token: string, now: Date): Why {
  const decoded = decode(token);
  if (typeof decoded === 'string') return { reason: 'malformed', text: `this is no JWT: ${decoded}.` };
  const { header, claims } = decoded;
  const { kid, alg, typ } = header;
  if (claims['iss'] !== issuer)
    return { reason: 'other_issuer', text: `it was issued by ${shown(claims['iss'])}, this is ${issuer}.` };
  const key = typeof kid === 'string' ? keys.find(kid) : undefined;
  if (!key) return { reason: 'unknown_key', text: `no key here has the id ${shown(kid)}.` };
  if (alg !== key.alg) return { reason: 'wrong_algorithm', text: `it says ${shown(alg)}, its key is for ${key.alg}.` };
  if (typ !== 'at+jwt' && typ !== 'JWT')
    return { reason: 'other_kind', text: `it is of the kind ${shown(typ)}, no access token.` };
  const exp = claims['exp'];
  if (typeof exp !== 'number' || exp > now.getTime() / 1000)
    return { reason: 'bad_signature', text: 'its signature is not right, or what it says is no access token.' };
  // At a moment when it had not expired, everything else shows.
  if (!verifyAccessToken(keys, issuer, token, new Date((exp - 1) * 1000)))
    return { reason: 'bad_signature', text: 'its signature is not right, and it has expired too.' };
  return { reason: 'expired', text: `it expired ${duration(now.getTime() / 1000 - exp)} ago.` };
}

/** The token verifies, so what it says is true; something that it stands on is over. */
async function whyOver({ db, issuer }: Context, claims: AccessTokenClaims, now: Date): Promise<Why> {
  const em = db.fork();
  if (!(await findApi(em, claims.aud, issuer())))
    return { reason: 'no_api', text: `there is no API ${claims.aud} any more.` };
  if ((await em.count(RevokedToken, { jti: claims.jti })) > 0) return { reason: 'revoked', text: 'it was revoked.' };
  if (claims.client_id !== OWN_CLIENT) {
    const client = await em.findOne(Client, { clientId: claims.client_id });
    if (!client) return { reason: 'no_client', text: 'its client does not exist any more.' };
    if (!client.isActive) return { reason: 'disabled_client', text: `its client ${client.name} is disabled.` };
  }
  const user = await em.findOne(User, claims.sub);
  if (!user || user.deletedAt) return { reason: 'no_user', text: 'its user does not exist any more.' };
  if (!user.isActive) return { reason: 'inactive_user', text: `its user ${user.username} is inactive.` };
  if (await isEnded(em, issuer(), claims))
    return { reason: 'ended', text: 'the grant or login that gave it has ended.' };
  const session = claims.sid === undefined ? null : await em.findOne(Session, claims.sid);
  if (!session) return { reason: 'no_session', text: 'its session does not exist any more.' };
  if (session.endedAt) return { reason: 'session_ended', text: `its session ended (${session.endedReason}).` };
  if (session.expiresAt <= now || session.idleExpiresAt <= now)
    return { reason: 'session_expired', text: 'its session has expired.' };
  if (session.passwordEpoch !== user.passwordEpoch)
    return { reason: 'password_changed', text: 'the password was changed since its session began.' };
  return { reason: 'unknown', text: 'what it stands on has changed.' };
}

/** By its place in a status list. Its session tells more, where it has one. */
async function isEnded(em: SqlEntityManager, issuer: string, claims: AccessTokenClaims): Promise<boolean> {
  const place = claims.sid === undefined ? statusIndexFromClaim(issuer, claims.status?.status_list) : null;
  const found = place && (await em.findOne(TokenStatus, { list: place.list, idx: place.idx }));
  return place !== null && found?.state !== STATUS.valid && (!found || found.state === STATUS.revoked);
}

function shown(value: unknown): string {
  return value === undefined ? '(nothing)' : printable(JSON.stringify(value).slice(0, 100));
}
