import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { singleFlight } from '../../platform/concurrency.ts';
import { type PublicDocument, publicDocument } from '../../platform/digest.ts';
import { type Clock, numericDate } from '../../platform/time.ts';
import { draftJwt, signDraft } from '../keys/jwt.ts';
import type { KeyRing } from '../keys/ring.ts';
import type { Bitmap } from './bitmap.ts';
import { statusListUri } from './status-index.ts';

/** How long a verifier may cache a list, in seconds. */
export const LIST_TTL_SECONDS = 5;

/** How long a signed list is valid. */
const LIST_LIFE_SECONDS = 300;

/** A list is signed again after this time though nothing changed, so that a served list is valid for most of its life. */
const RESIGN_SECONDS = 60;

/** Signs status lists (draft-ietf-oauth-status-list-21). */
export interface ListSigner {
  /** Returns the signed list with at least the changes that the bitmap had at the call. */
  document(list: number, bitmap: Bitmap): Promise<PublicDocument | null>;
}

interface SignedList {
  readonly document: PublicDocument;
  readonly revision: number;
  readonly kid: string;
  /** NumericDate. */
  readonly signedAt: number;
}

const compress = promisify(deflate);

export function createListSigner(keys: KeyRing, issuer: string, clock: Clock): ListSigner {
  const signed = new Map<number, SignedList>();
  const shareSigning = singleFlight<void>();

  const sign = async (list: number, bitmap: Bitmap): Promise<void> => {
    const { revision } = bitmap;
    const key = keys.signer('RS256');
    const iat = numericDate(clock.now());
    // A copy: another thread compresses it.
    const lst = (await compress(bitmap.bits.slice(), { level: 9 })).toString('base64url');
    const claims = {
      iss: issuer,
      sub: statusListUri(issuer, list),
      iat,
      exp: iat + LIST_LIFE_SECONDS,
      ttl: LIST_TTL_SECONDS,
      status_list: { bits: 2, lst },
    };
    const token = signDraft(draftJwt(key, 'statuslist+jwt', claims));
    const document = publicDocument(Buffer.from(token));
    signed.set(list, { document, revision, kid: key.kid, signedAt: iat });
  };

  const isCurrent = (list: number, revision: number): boolean => {
    const current = signed.get(list);
    return (
      current !== undefined &&
      current.revision >= revision &&
      current.kid === keys.signer('RS256').kid &&
      Math.abs(numericDate(clock.now()) - current.signedAt) < RESIGN_SECONDS
    );
  };

  return {
    async document(list, bitmap) {
      // The state at the call: later changes are in the next document.
      const { revision } = bitmap;
      while (!isCurrent(list, revision)) await shareSigning(String(list), () => sign(list, bitmap));
      return signed.get(list)?.document ?? null;
    },
  };
}
