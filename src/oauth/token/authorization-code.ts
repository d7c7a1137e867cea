import { createHash, timingSafeEqual } from 'node:crypto';
import { redemptionStatement } from '../../tokens/index.ts';
import { type CodeState, findCode, invalidateCode } from '../authorize/code.ts';
import { oauthError } from '../errors.ts';
import type { GrantRequest, GrantType } from './grant-type.ts';
import { endReusedGrant, type RedeemDeps, redeemAuthorization } from './redeem-authorization.ts';

const redemption = redemptionStatement('oauth_code');

/**
 * The authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636). All checks come first; then one statement
 * redeems the code, opens the grant and allocates the status index of its token. A code that is used a second time ends
 * its grant (§4.1.2), and a code that another client presents becomes invalid.
 */
export function authorizationCodeGrant(deps: RedeemDeps): GrantType<CodeState> {
  const { db } = deps;
  return {
    type: 'authorization_code',
    needsConfidentialClient: false,
    preload: async (form, now) => (form['code'] ? findCode(db, form['code'], now) : null),
    async authorize(request) {
      const { form, now, requestState, preloaded: code } = request;
      if (!form['code']) throw oauthError('parameter_missing', { name: 'code' });
      if (!code) throw oauthError('code_invalid');
      if (requestState.grant === undefined) {
        await requireUnused(deps, request, code);
        requireSameRequest(request, code);
      }
      const result = await redeemAuthorization(deps, request, { ...code, redemption });
      if (result) return result;
      // Another request has used the code since it was read.
      const later = await findCode(db, form['code'], now);
      if (later) await requireUnused(deps, request, later);
      throw oauthError('code_invalid');
    },
  };
}

/** RFC 6749 §4.1.2, §10.5: a used code ends its grant; a code that another client presents becomes invalid. */
async function requireUnused({ db }: RedeemDeps, request: GrantRequest, code: CodeState): Promise<void> {
  const { client, now } = request;
  const isOwn = code.client === client.id;
  if (!code.isConsumed && isOwn && code.isValid) return;
  const { grant } = code;
  if (!code.isConsumed && !isOwn) {
    await request.markProofUsed();
    await invalidateCode(db, code, now);
  }
  if (code.isConsumed && isOwn && grant !== null) await endReusedGrant(db, request, grant, code.user.id);
  throw oauthError('code_invalid');
}

/** Checks that the request belongs to the authorization request of the code. */
function requireSameRequest({ form, jkt }: GrantRequest, code: CodeState): void {
  // RFC 6749 §4.1.3: the same redirect URI, if the authorization request had one.
  if (code.redirectUri !== null && form['redirect_uri'] !== code.redirectUri) throw oauthError('redirect_uri_differs');
  // RFC 7636 §4.6; RFC 9700 §4.8.2: a verifier without a challenge belongs to another request.
  const verifier = form['code_verifier'];
  const isUnexpected = code.codeChallenge === null && verifier !== undefined;
  if (isUnexpected || (code.codeChallenge !== null && !isVerifier(verifier, code.codeChallenge)))
    throw oauthError(isUnexpected ? 'verifier_unexpected' : 'verifier_mismatch');
  // RFC 9449 §10.
  if (code.dpopJkt !== null && code.dpopJkt !== jkt) throw oauthError('code_bound_to_other_key');
}

/** RFC 7636 §4.1, §4.6: S256. */
function isVerifier(verifier: string | undefined, challenge: string): boolean {
  if (verifier === undefined || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false;
  const actual = createHash('sha256').update(verifier, 'ascii').digest();
  const expected = Buffer.from(challenge, 'base64url');
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
