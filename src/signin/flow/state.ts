/** What a flow leads to: a session, a new account with one, or a stronger session of a user who is signed in. */
export type FlowKind = 'login' | 'setup' | 'signup' | 'step_up';

export type FlowStep = 'first_factor' | 'second_factor' | 'done';

/** How well a user has proved who they are, from the weakest. */
export type Assurance = '1fa' | '2fa';

/** What a method proves (NIST SP 800-63B-4 §2): two methods of one factor are one factor. */
export type Factor = 'knowledge' | 'possession' | 'inherence';

/** A method as the state machine needs it. */
export interface MethodTraits {
  /** RFC 8176. */
  readonly amr: string;
  readonly factor: Factor;
}

/** A sign-in between its first request and its session. */
export interface Flow {
  readonly kind: FlowKind;
  readonly step: FlowStep;
  /** The user, once a method has said who it is. */
  readonly user: string | null;
  /** The names of the methods that have succeeded, in order. */
  readonly methods: readonly string[];
}

/** A method has verified a user. */
export interface FlowEvent {
  readonly method: string;
  readonly user: string;
}

export function startFlow(kind: FlowKind): Flow {
  return { kind, step: 'first_factor', user: null, methods: [] };
}

/**
 * Returns the flow after an event. An event that does not belong here returns the flow as it was: of another user, of a method that has
 * succeeded before, of an unknown method, or after the end.
 */
export function next(
  flow: Flow,
  { method, user }: FlowEvent,
  required: Assurance,
  traits: Readonly<Record<string, MethodTraits>>,
): Flow {
  const isForeign = flow.user !== null && flow.user !== user;
  if (flow.step === 'done' || isForeign || flow.methods.includes(method) || !traits[method]) return flow;
  const methods = [...flow.methods, method];
  const isEnough = required === '1fa' || readAssurance(methods, traits) === '2fa';
  return { ...flow, user, methods, step: isEnough ? 'done' : 'second_factor' };
}

/** Returns the assurance of methods: two different factors are `2fa`. */
function readAssurance(methods: readonly string[], traits: Readonly<Record<string, MethodTraits>>): Assurance {
  return new Set(methods.map((one) => traits[one]?.factor)).size > 1 ? '2fa' : '1fa';
}
