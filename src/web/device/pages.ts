import { createHmac, timingSafeEqual } from 'node:crypto';
import { Type } from 'typebox';
import {
  decideDevice,
  findPendingDevice,
  findRecentDecision,
  formatUserCode,
  type PendingDevice,
  parseUserCode,
  type UserDecision,
} from '../../oauth/index.ts';
import { type App, acceptForms, type Reply } from '../../platform/http/index.ts';
import { currentSession, type LiveSession } from '../../sessions/index.ts';
import { reserveAttempt, type ThrottleLimits } from '../../signin/index.ts';
import { message } from '../../ui/messages.ts';
import { errorPages, htmlResponse, redirectResponse, render, renderErrors, retryResponse } from '../../ui/render.ts';
import type { SignInDeps } from '../session.ts';
import { allowed, codeForm, denied, question, tooMany } from './views.ts';

export interface DevicePageDeps extends SignInDeps {
  /** Wrong user codes are throttled like wrong passwords. */
  readonly limits: ThrottleLimits;
}

const PATH = '/oauth2/device';

const operation = { tags: ['pages'], security: [{ session: [] }, {}] as Record<string, string[]>[] };
const loginRedirect = redirectResponse('To the login page: no user is signed in.');

/**
 * The pages on which the user of a device decides (RFC 8628 §3.3): the code, the question, the result. A person takes
 * every step.
 */
export async function devicePages(app: App, deps: DevicePageDeps): Promise<void> {
  acceptForms(app);
  renderErrors(app);
  const { issuer } = deps.endpoint;

  const get = {
    operationId: 'showDeviceForm',
    summary: 'Where the user of a device types its code (RFC 8628 §3.3)',
    ...operation,
    querystring: Type.Object({ user_code: Type.Optional(Type.String()) }),
    response: { ...errorPages, 200: htmlResponse('The form.'), 303: loginRedirect },
  };
  app.get(PATH, { schema: get }, async (request, reply) => {
    const { user_code: typed = '' } = request.query;
    if (!(await currentSession(deps, deps.session, request))) return redirectToLogin(reply, issuer, typed);
    // The code of a link is not looked up before a person submits it.
    const code = parseUserCode(typed);
    return render(reply, 200, 'Connect a device', codeForm(code === null ? '' : formatUserCode(code)));
  });

  const post = {
    operationId: 'decideDevice',
    summary: 'Show what a device asks for; with a decision, allow or refuse it',
    ...operation,
    form: Type.Object({
      user_code: Type.String(),
      decision: Type.Optional(Type.Union([Type.Literal('allow'), Type.Literal('deny')])),
      confirmation: Type.Optional(
        Type.String({ description: 'The value that the page has: it binds the form to its session.' }),
      ),
    }),
    response: {
      ...errorPages,
      200: htmlResponse('The question, or what was decided.'),
      303: loginRedirect,
      422: htmlResponse('The form again: the code is invalid or has expired.'),
      429: retryResponse('Too many wrong codes.'),
    },
  };
  app.post(PATH, { schema: post }, async (request, reply) => {
    const fields = (request.body ?? {}) as Record<string, string>;
    const session = await currentSession(deps, deps.session, request);
    if (!session) return redirectToLogin(reply, issuer, fields['user_code'] ?? '');
    return submitCode(deps, reply, fields, { session, secret: deps.session.read(request) as string, ip: request.ip });
  });
}

interface SessionContext {
  readonly session: LiveSession;
  /** The value of the session cookie. */
  readonly secret: string;
  readonly ip: string;
}

async function submitCode(deps: DevicePageDeps, reply: Reply, fields: Record<string, string>, context: SessionContext) {
  const { db, clock } = deps.endpoint;
  const { user_code: typed = '', decision, confirmation = '' } = fields;
  const now = clock.now();
  const { user } = context.session;
  // RFC 8628 §5.1: an attempt is reserved before the lookup, and released if the code was right.
  const reserved = await reserveAttempt(
    db,
    deps.limits,
    { name: user.username, ip: context.ip, secret: 'user code' },
    now,
  );
  if (!reserved.ok) {
    void reply.header('retry-after', String(reserved.retryAfterSeconds));
    return render(reply, 429, 'Too many attempts', tooMany(reserved.retryAfterSeconds));
  }
  const userCode = parseUserCode(typed);
  const device = userCode === null ? null : await findPendingDevice(db, userCode, now);
  const expected = userCode === null ? '' : confirmationCode(context, userCode);
  // For a form that is sent twice: repeats the decision of this session. A decision other than the first has no effect.
  const isRepeated = async () =>
    userCode !== null &&
    isEqual(confirmation, expected) &&
    (await findRecentDecision(db, userCode, context.session.id, clock.now())) === decision;
  const isDone = !device && (await isRepeated());
  if (device || isDone) await reserved.release();
  if (isDone) return showDecision(reply, decision as UserDecision);
  // The same response for a code that is unknown, expired or used.
  if (userCode === null || !device)
    return render(reply, 422, 'Connect a device', codeForm(typed, message('device.code_invalid')));
  const hidden = { userCode, confirmation: expected };
  if (decision !== 'allow' && decision !== 'deny')
    return render(reply, 200, 'Allow this device?', question(device, user, hidden, false));
  if (!isEqual(confirmation, expected))
    return render(reply, 200, 'Allow this device?', question(device, user, hidden, true));
  if (!(await decide(deps.endpoint, device, context, decision)) && !(await isRepeated()))
    return render(reply, 422, 'Connect a device', codeForm(typed, message('device.code_invalid')));
  return showDecision(reply, decision);
}

function showDecision(reply: Reply, decision: UserDecision): Reply {
  return decision === 'allow'
    ? render(reply, 200, 'The device is connected', allowed)
    : render(reply, 200, 'Cancelled', denied);
}

function decide(
  { db, clock }: DevicePageDeps['endpoint'],
  device: PendingDevice,
  { session, ip }: SessionContext,
  decision: UserDecision,
) {
  const by = { session: session.id, user: session.user.id, ip };
  return db.fork().transactional((tx) => decideDevice(tx, device, by, decision, clock.now()));
}

/**
 * A code that only a page of this session about this user code contains. A form without it, or from a page of another
 * user, shows the question again. A MAC under the secret of the cookie, so no state is stored.
 */
function confirmationCode({ session, secret }: SessionContext, userCode: string): string {
  return createHmac('sha256', secret).update(`device\0${session.user.id}\0${userCode}`).digest('base64url');
}

function isEqual(text: string, expected: string): boolean {
  const [one, other] = [Buffer.from(text), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function redirectToLogin(reply: Reply, issuer: string, typed: string): Reply {
  const code = parseUserCode(typed);
  const returnTo = code === null ? PATH : `${PATH}?user_code=${formatUserCode(code)}`;
  return reply
    .code(303)
    .header('location', `${issuer}/login?next=${encodeURIComponent(returnTo)}`)
    .send();
}
