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
import type { LiveSession } from '../../sessions/index.ts';
import { reserveAttempt, type ThrottleLimits } from '../../signin/index.ts';
import { errorPages, htmlResponse, redirectResponse, render, renderErrors, retryResponse } from '../../ui/render.ts';
import { currentSession, type SignInDeps } from '../session.ts';
import { allowed, codeForm, denied, question, tooMany } from './views.ts';

export interface DevicePageDeps extends SignInDeps {
  /** Guessed user codes are counted like guessed passwords. */
  readonly limits: ThrottleLimits;
}

const PATH = '/oauth2/device';
const NOT_THIS = 'No device waits under this code. Look at the device again: codes are good for ten minutes.';

const ofPages = { tags: ['pages'], security: [{ session: [] }, {}] as Record<string, string[]>[] };
const toLogin = redirectResponse('To the login page: nobody is signed in.');

/** Where the user of a device says yes or no (RFC 8628 §3.3): the code, then the question, then the answer; every step is a person's. */
export async function devicePages(app: App, deps: DevicePageDeps): Promise<void> {
  acceptForms(app);
  renderErrors(app);
  const { issuer } = deps.endpoint;

  const form = {
    operationId: 'showDeviceForm',
    summary: 'Where the user of a device types its code (RFC 8628 §3.3)',
    ...ofPages,
    querystring: Type.Object({ user_code: Type.Optional(Type.String()) }),
    response: { ...errorPages, 200: htmlResponse('The form.'), 303: toLogin },
  };
  app.get(PATH, { schema: form }, async (request, reply) => {
    const { user_code: typed = '' } = request.query;
    if (!(await currentSession(deps, request))) return logInFirst(reply, issuer, typed);
    // Nothing is looked up: a link is not a person who types.
    const code = parseUserCode(typed);
    return render(reply, 200, 'Connect a device', codeForm(code === null ? '' : formatUserCode(code)));
  });

  const submitted = {
    operationId: 'decideDevice',
    summary: 'Show what a device asks for; with a decision, allow or refuse it',
    ...ofPages,
    form: Type.Object({
      user_code: Type.String(),
      decision: Type.Optional(Type.Union([Type.Literal('allow'), Type.Literal('deny')])),
      confirmation: Type.Optional(Type.String({ description: 'As the page had it: whom it was shown to.' })),
    }),
    response: {
      ...errorPages,
      200: htmlResponse('The question, or what was decided.'),
      303: toLogin,
      422: htmlResponse('The form again: nothing waits under that code.'),
      429: retryResponse('Too many codes that were not right.'),
    },
  };
  app.post(PATH, { schema: submitted }, async (request, reply) => {
    const fields = (request.body ?? {}) as Record<string, string>;
    const session = await currentSession(deps, request);
    if (!session) return logInFirst(reply, issuer, fields['user_code'] ?? '');
    return answer(deps, reply, fields, { session, secret: deps.session.read(request) as string, ip: request.ip });
  });
}

interface Visitor {
  readonly session: LiveSession;
  /** The cookie's value. */
  readonly secret: string;
  readonly ip: string;
}

async function answer(deps: DevicePageDeps, reply: Reply, fields: Record<string, string>, visitor: Visitor) {
  const { db, clock } = deps.endpoint;
  const { user_code: typed = '', decision, confirmation = '' } = fields;
  const now = clock.now();
  const { user } = visitor.session;
  // RFC 8628 §5.1: before it is looked up, and given back when it was right.
  const reserved = await reserveAttempt(db, deps.limits, user.username, visitor.ip, now, 'user code');
  if (!reserved.ok) {
    void reply.header('retry-after', String(reserved.retryAfterSeconds));
    return render(reply, 429, 'Too many attempts', tooMany(reserved.retryAfterSeconds));
  }
  const userCode = parseUserCode(typed);
  const device = userCode === null ? null : await findPendingDevice(db, userCode, now);
  const expected = userCode === null ? '' : confirmationCode(visitor, userCode);
  // A form that comes twice: what was decided a moment ago in this session is said again, and a different decision is none.
  const isRepeated = async () =>
    userCode !== null &&
    isSame(confirmation, expected) &&
    (await findRecentDecision(db, userCode, visitor.session.id, clock.now())) === decision;
  const isDone = !device && (await isRepeated());
  if (device || isDone) await reserved.release();
  if (isDone) return said(reply, decision as UserDecision);
  // One answer for a code that is unknown, expired, or used.
  if (userCode === null || !device) return render(reply, 422, 'Connect a device', codeForm(typed, NOT_THIS));
  const hidden = { userCode, confirmation: expected };
  if (decision !== 'allow' && decision !== 'deny')
    return render(reply, 200, 'Allow this device?', question(device, user, hidden, false));
  if (!isSame(confirmation, expected))
    return render(reply, 200, 'Allow this device?', question(device, user, hidden, true));
  if (!(await decide(deps.endpoint, device, visitor, decision)) && !(await isRepeated()))
    return render(reply, 422, 'Connect a device', codeForm(typed, NOT_THIS));
  return said(reply, decision);
}

function said(reply: Reply, decision: UserDecision): Reply {
  return decision === 'allow'
    ? render(reply, 200, 'The device is connected', allowed)
    : render(reply, 200, 'Cancelled', denied);
}

function decide(
  { db, clock }: DevicePageDeps['endpoint'],
  device: PendingDevice,
  visitor: Visitor,
  decision: UserDecision,
) {
  const { session, ip } = visitor;
  const by = { session: session.id, user: session.user.id, ip };
  return db.fork().transactional((tx) => decideDevice(tx, device, by, decision, clock.now()));
}

/**
 * What only a page has that was htmlResponse to this session about this code: a form that was sent by anything else, or was htmlResponse to somebody
 * who has left since, is answered with the question again. A MAC under the cookie's secret, so nothing is kept.
 */
function confirmationCode({ session, secret }: Visitor, userCode: string): string {
  return createHmac('sha256', secret).update(`device\0${session.user.id}\0${userCode}`).digest('base64url');
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function logInFirst(reply: Reply, issuer: string, typed: string): Reply {
  const code = parseUserCode(typed);
  const next = code === null ? PATH : `${PATH}?user_code=${formatUserCode(code)}`;
  return reply
    .code(303)
    .header('location', `${issuer}/login?next=${encodeURIComponent(next)}`)
    .send();
}
