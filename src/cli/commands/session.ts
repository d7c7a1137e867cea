import type { SqlEntityManager } from '@mikro-orm/sql';
import { Failure } from '../../platform/errors.ts';
import { parseUuid } from '../../platform/text.ts';
import { endSessionsByOperator, listSessions, Session } from '../../sessions/index.ts';
import { getUser, User } from '../../users/index.ts';
import { type Input, Misuse, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { fields, instant, pluralize, rows, when } from './text.ts';
import { optionalUser } from './user-options.ts';

/** Reads what is meant: all sessions of a user, or one session with its user. */
async function readTarget(em: SqlEntityManager, input: Input): Promise<{ user: User; session: Session | null }> {
  const userRef = optionalUser(input);
  const [sessionId] = input.positionals;
  if ((userRef === undefined) === (sessionId === undefined)) throw new Misuse('Name either a user or a session');
  if (userRef !== undefined) return { user: await getUser(em, userRef), session: null };
  const id = parseUuid(sessionId as string);
  const session = id === null ? null : await em.findOne(Session, id);
  if (!session)
    throw new Failure(
      'notFound',
      `There is no session ${sessionId}. List those of a user: npx signet session list --user NAME`,
    );
  return { user: await em.findOneOrFail(User, session.user), session };
}

export const sessionList: RunOnDatabase = async ({ db, clock }, input) => {
  const em = db.fork();
  const { user, session } = await readTarget(em, input);
  if (session) return { data: { sessions: [wireSession(session, user)] }, text: sessionText(session, user) };
  const sessions = await listSessions(em, user.id, clock.now());
  const lines = sessions.map((one) => [
    one.id,
    when(one.createdAt),
    when(one.lastSeenAt),
    one.ip ?? '',
    (one.userAgent ?? '').slice(0, 60),
  ]);
  return {
    data: { sessions: sessions.map((one) => wireSession(one, user)) },
    text:
      sessions.length === 0
        ? `${user.username} has no live session.`
        : rows(['SESSION', 'SINCE', 'LAST SEEN', 'ADDRESS', 'PROGRAM'], lines),
  };
};

export const sessionEnd: RunOnDatabase = async (context, input) => {
  const { user, ended } = await transaction(context, async (tx) => {
    const target = await readTarget(tx, input);
    return {
      user: target.user,
      ended: await endSessionsByOperator(tx, context.audit(), target.user, target.session?.id),
    };
  });
  const text =
    ended.length === 0
      ? 'Nothing was left to end.'
      : `Ended ${pluralize(ended.length, 'session')} of ${user.username}.`;
  return { data: { user: user.username, ended }, text };
};

/** A session expires when it is idle too long, or at its absolute limit, whichever is first. */
function sessionExpiry(session: Session): Date {
  return new Date(Math.min(session.idleExpiresAt.getTime(), session.expiresAt.getTime()));
}

function wireSession(session: Session, user: User) {
  return {
    id: session.id,
    user: user.username,
    created_at: instant(session.createdAt),
    last_seen_at: instant(session.lastSeenAt),
    expires_at: instant(sessionExpiry(session)),
    auth_time: instant(session.authTime),
    amr: session.amr,
    ip: session.ip ?? null,
    user_agent: session.userAgent ?? null,
    ended_at: instant(session.endedAt),
    ended_reason: session.endedReason ?? null,
  };
}

function sessionText(session: Session, user: User): string {
  return fields([
    ['Session', session.id],
    ['User', user.username],
    ['Since', when(session.createdAt)],
    ['Last seen', when(session.lastSeenAt)],
    ['Until', when(sessionExpiry(session))],
    ['Logged in by', session.amr.join(', ')],
    ['Address', session.ip ?? '(unknown)'],
    ['Program', session.userAgent ?? '(unknown)'],
    ...(session.endedAt ? [['Ended', `${when(session.endedAt)} (${session.endedReason})`] as const] : []),
  ]);
}
