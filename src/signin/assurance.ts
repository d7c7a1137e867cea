/** The authentication contexts (OIDC Core §2, `acr`), weakest first. */
export const ACR_VALUES = ['urn:signet:acr:1fa'] as const;

/** Returns the context that a session's methods reach (RFC 8176). There is one, a single factor. */
export function readAcr(_amr: readonly string[]): (typeof ACR_VALUES)[number] {
  return ACR_VALUES[0];
}

/** What a client requires of the sign-in behind a request. */
export interface SignInRequirement {
  /** The contexts that satisfy it (OIDC Core §5.5.1.1); null: any. */
  readonly acr: readonly string[] | null;
  /** The most seconds since the user authenticated; null: any. */
  readonly maxAgeSeconds: number | null;
  /** The user must authenticate for this request, whenever they did before (`prompt=login`). */
  readonly mustAuthenticate: boolean;
}

/** How a request began, by which a later sign-in is recognised. */
export interface FlowOrigin {
  /** When the request was received. */
  readonly at: Date;
  /** The session of its browser at that time; null for none. */
  readonly session: string | null;
}

interface SignIn {
  readonly id: string;
  readonly authTime: Date;
  readonly amr: readonly string[];
}

/** OIDC Core §3.1.2.1, §5.5.1.1: whether the authentication of a session is strong and recent enough for a request. */
export function isSufficient(session: SignIn, required: SignInRequirement, origin: FlowOrigin, now: Date): boolean {
  const { acr, maxAgeSeconds, mustAuthenticate } = required;
  if (acr && !acr.includes(readAcr(session.amr))) return false;
  if (isSignInOfFlow(session, origin)) return true;
  if (mustAuthenticate || maxAgeSeconds === 0) return false;
  return maxAgeSeconds === null || now.getTime() - session.authTime.getTime() <= maxAgeSeconds * 1000;
}

/** The clocks of two nodes differ by less. */
const SKEW_MS = 60_000;

/**
 * Whether the user has signed in for this request. A different session alone does not show that: a cookie can be withheld when the
 * request comes, and sent later.
 */
function isSignInOfFlow(session: SignIn, origin: FlowOrigin): boolean {
  return session.id !== origin.session && session.authTime.getTime() >= origin.at.getTime() - SKEW_MS;
}
