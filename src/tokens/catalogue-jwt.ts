import { type PublicDocument, publicDocument } from '../platform/digest.ts';
import { numericDate } from '../platform/time.ts';
import { draftJwt, signDraft } from './keys/jwt.ts';
import type { KeyRing } from './keys/ring.ts';
import type { Alg } from './keys/signing-key.ts';

/** How long a signed catalogue is valid. */
const LIFE_SECONDS = 86_400;

/** The catalogue is signed again after this time, so that a served one is valid for at least half of its life. */
const RESIGN_SECONDS = LIFE_SECONDS / 2;

export interface SignedCatalogue {
  readonly kid: string;
  readonly signedAt: Date;
  readonly document: PublicDocument;
}

/**
 * Signs the catalogue as a JWT (`typ: permissions+jwt`, which no other JWT of Signet has: RFC 8725 §3.11): the members
 * of the document with iss, iat and exp, under the API's algorithm. Returns `previous` while it is recent.
 */
export function signCatalogue(
  keys: KeyRing,
  issuer: string,
  catalogue: { readonly alg: Alg; readonly json: PublicDocument },
  now: Date,
  previous?: SignedCatalogue,
): SignedCatalogue {
  const key = keys.signer(catalogue.alg);
  if (previous?.kid === key.kid && Math.abs(now.getTime() - previous.signedAt.getTime()) < RESIGN_SECONDS * 1000)
    return previous;
  const iat = numericDate(now);
  const registered = JSON.stringify({ iss: issuer, iat, exp: iat + LIFE_SECONDS });
  // Both are JSON objects, with different members.
  const claims = Buffer.concat([Buffer.from(`${registered.slice(0, -1)},`), catalogue.json.body.subarray(1)]);
  const token = signDraft(draftJwt(key, 'permissions+jwt', claims));
  return { kid: key.kid, signedAt: now, document: publicDocument(Buffer.from(token)) };
}
