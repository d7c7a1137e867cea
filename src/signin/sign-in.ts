import type { Database } from '../platform/database/index.ts';
import { repeatSession, type SessionLife } from '../sessions/index.ts';
import { type Authentication, authenticate, type Postponed } from './authenticate.ts';
import { type FlowKind, next, startFlow } from './flow/state.ts';
import { consumeFlow, findFlow, storeFlow } from './flow/store.ts';
import { type ClientInfo, type LoggedIn, logIn } from './login.ts';
import { methodTraits, PASSWORD } from './methods.ts';

export interface SignInAttempt {
  /** Default: `login`. */
  readonly kind?: FlowKind;
  readonly username: string;
  readonly password: string;
  readonly client: ClientInfo;
  /** The secret of the browser that may do a further step; null for a program. */
  readonly browser?: string | null;
  /** Runs after the user is verified and before anything is written. What it throws refuses the sign-in. */
  readonly beforeSession?: (userId: string) => Promise<void>;
}

/**
 * `signed_in`: a new session. `repeated`: the same form has made one a moment ago; `token` is null if the browser has it already.
 * `continue`: another method is needed, with the handle of the flow.
 */
export type SignInResult =
  | ({ readonly kind: 'signed_in' } & LoggedIn)
  | { readonly kind: 'repeated'; readonly token: string | null }
  | { readonly kind: 'continue'; readonly handle: string }
  | { readonly kind: 'refused' }
  | Postponed;

/**
 * The one sign-in, whether a page or a program asks: one throttle, one verification, one refusal at its deadline, then the session, or a
 * flow that waits for another method. A sign-in by a password alone stores no flow.
 */
export async function signIn(
  db: Database,
  authentication: Authentication,
  life: SessionLife,
  attempt: SignInAttempt,
): Promise<SignInResult> {
  const { username, password, client, browser = null } = attempt;
  const { formDigest, sessionToken } = client;
  const findRepeat = async () =>
    formDigest ? repeatSession(db, formDigest, sessionToken, authentication.clock.now()) : null;
  const outcome = await authenticate(db, authentication, { username, password, ip: client.ip }, findRepeat);
  if (outcome.kind === 'repeated') return { kind: 'repeated', token: outcome.result.token };
  if (outcome.kind !== 'user') return outcome;
  const { user } = outcome;
  await attempt.beforeSession?.(user.id);
  const required = (await authentication.requiredAssurance?.(user.id)) ?? '1fa';
  const traits = methodTraits(authentication.methods ?? []);
  const flow = next(startFlow(attempt.kind ?? 'login'), { method: PASSWORD, user: user.id }, required, traits);
  if (flow.step !== 'done') {
    const waiting = { ...flow, user: user.id, passwordEpoch: user.passwordEpoch };
    return { kind: 'continue', handle: await storeFlow(db, waiting, browser, authentication.clock.now()) };
  }
  const loggedIn = await logIn(db, authentication, { user, password, life, client });
  return loggedIn ? { kind: 'signed_in', ...loggedIn } : { kind: 'refused' };
}

export interface FlowInput {
  readonly handle: string;
  /** The name of a method, and what the user sent for it. */
  readonly method: string;
  readonly input: string;
  readonly client: ClientInfo;
  readonly browser?: string | null;
}

/**
 * Takes the next step of a flow. `refused`: the handle is unknown, expired, done or of another browser, or the method did not verify the
 * user; the flow then waits as before.
 */
export async function continueSignIn(
  db: Database,
  authentication: Authentication,
  life: SessionLife,
  { handle, method, input, client, browser = null }: FlowInput,
): Promise<SignInResult> {
  const now = authentication.clock.now();
  const flow = await findFlow(db, handle, browser, now);
  const chosen = authentication.methods?.find((one) => one.name === method);
  if (!flow || !chosen || !(await chosen.verify(db, flow.user, input, now))) return { kind: 'refused' };
  const required = (await authentication.requiredAssurance?.(flow.user)) ?? '1fa';
  const traits = methodTraits(authentication.methods ?? []);
  const reached = next(flow, { method, user: flow.user }, required, traits);
  if (reached.step !== 'done') return { kind: 'continue', handle };
  const amr = reached.methods.flatMap((name) => traits[name]?.amr ?? []);
  const user = { id: flow.user, passwordEpoch: flow.passwordEpoch, amr };
  const consume = (tx: Parameters<typeof consumeFlow>[0]) => consumeFlow(tx, handle, now);
  const loggedIn = await logIn(db, authentication, { user, password: null, life, client, consume });
  return loggedIn ? { kind: 'signed_in', ...loggedIn } : { kind: 'refused' };
}
