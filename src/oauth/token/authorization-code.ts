import { createHash, timingSafeEqual } from 'node:crypto';
import { OAuthError } from '../../platform/http/index.ts';
import { redemptionStatement } from '../../tokens/index.ts';
import { type CodeState, findCode, invalidateCode } from '../authorize/code.ts';
import type { GrantRequest, GrantType } from './grant-type.ts';
import { endReusedGrant, invalidCode, type RedeemDeps, redeemAuthorization } from './redeem-authorization.ts';

const redemption = redemptionStatement('oauth_code');

/**
 * RFC 6749 §4.1.3 with PKCE (RFC 7636). Everything that can refuse comes first; then one statement redeems the code, opens the grant
 * and takes the place of its token. A code that comes a second time ends what it gave (§4.1.2), and one of another client is burnt.
 */
export function authorizationCodeGrant(deps: RedeemDeps): GrantType<CodeState> {
  const { db } = deps;
  return {
    type: 'authorization_code',
    needsConfidentialClient: false,
    preload: async (form, now) => (form['code'] ? findCode(db, form['code'], now) : null),
    async authorize(request) {
      const { form, now, requestState, preloaded: code } = request;
      if (!form['code']) throw new OAuthError('invalid_request', 'code is missing.');
      if (!code) throw invalidCode();
      if (requestState.grant === undefined) {
        await requireUnused(deps, request, code);
        requireSame(request, code);
      }
      const granted = await redeemAuthorization(deps, request, { ...code, redemption });
      if (granted) return granted;
      // Somebody was first since it was read.
      const later = await findCode(db, form['code'], now);
      if (later) await requireUnused(deps, request, later);
      throw invalidCode();
    },
  };
}

/** RFC 6749 §4.1.2, §10.5: what was used before ends what it gave; what another client brings is used up. */
async function requireUnused({ db }: RedeemDeps, request: GrantRequest, code: CodeState): Promise<void> {
  const { client, now } = request;
  const isOwn = code.client === client.id;
  if (!code.isConsumed && isOwn && code.isValid) return;
  const { grant } = code;
  if (!code.isConsumed && !isOwn) {
    await request.spendProof();
    await invalidateCode(db, code, now);
  }
  if (code.isConsumed && isOwn && grant !== null) await endReusedGrant(db, request, grant, code.user.id);
  throw invalidCode();
}

/** What the request has to show of the one that the code was given for. */
function requireSame({ form, jkt }: GrantRequest, code: CodeState): void {
  // RFC 6749 §4.1.3: the same redirect URI, where there was one.
  if (code.redirectUri !== null && form['redirect_uri'] !== code.redirectUri)
    throw new OAuthError('invalid_grant', 'redirect_uri is not the one that the code was sent to.', {
      reason: 'redirect_uri_differs',
    });
  // RFC 7636 §4.6; RFC 9700 §4.8.2: a verifier without a challenge is somebody else's request.
  const verifier = form['code_verifier'];
  const isUnasked = code.codeChallenge === null && verifier !== undefined;
  if (isUnasked || (code.codeChallenge !== null && !isVerifier(verifier, code.codeChallenge)))
    throw new OAuthError('invalid_grant', 'code_verifier does not belong to this code.', {
      reason: isUnasked ? 'verifier_unasked' : 'verifier_mismatch',
    });
  // RFC 9449 §10.
  if (code.dpopJkt !== null && code.dpopJkt !== jkt)
    throw new OAuthError('invalid_grant', 'This code is bound to another key.');
}

/** RFC 7636 §4.1, §4.6: S256. */
function isVerifier(verifier: string | undefined, challenge: string): boolean {
  if (verifier === undefined || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false;
  const made = createHash('sha256').update(verifier, 'ascii').digest();
  const expected = Buffer.from(challenge, 'base64url');
  return made.length === expected.length && timingSafeEqual(made, expected);
}
