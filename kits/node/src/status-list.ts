import { createInflate } from 'node:zlib';
import { SKEW_SECONDS } from './clock.ts';
import { type Compact, decode, readCompact, type Work } from './compact.ts';
import { VerifierError } from './errors.ts';

/** Of the compact JWT. */
export const MAX_STATUS_LIST_LENGTH = 4 * 1024 * 1024;

/** Inflated: eight million tokens. */
const MAX_LIST_BYTES = 2 * 1024 * 1024;

const DEFAULT_TTL_SECONDS = 5;
const MAX_TTL_SECONDS = 300;

/** draft-ietf-oauth-status-list §7.1; 3 is Signet's own: something was added, a newer token says more. */
export const STATUS = { valid: 0, revoked: 1, suspended: 2, superseded: 3 } as const;

/** A signed status list, read. */
export interface StatusList {
  readonly iat: number;
  readonly exp: number;
  /** To be asked for anew after so long; at least 1, at most 300. */
  readonly ttlSeconds: number;
  /** How many statuses it has. */
  readonly size: number;
  readonly bits: 1 | 2 | 4 | 8;
  readonly bytes: Uint8Array;
}

/** The status of an index. Throws `status_out_of_range`. */
export function statusAt({ bits, bytes, size }: StatusList, idx: number): number {
  if (idx >= size) throw new VerifierError('status_out_of_range', { detail: `${idx} of ${size}` });
  const bit = idx * bits;
  return ((bytes[Math.floor(bit / 8)] as number) >> (bit % 8)) & ((1 << bits) - 1);
}

/** A status moves only 0 → 3 → 2 → 1: what is further on is younger. A status that is unknown is refused by whoever asks. */
export const worse = (a: number, b: number) => (rank(b) > rank(a) ? b : a);
const rank = (status: number) => [0, 3, 2, 1].indexOf(status) + (status > 3 ? 5 : 0);

/**
 * Of two lists of one address the younger one with what the other knows to be worse: the issuer has several processes, and one of
 * them may have signed its list before it saw a change that another had seen.
 */
export function worseList(younger: StatusList, other: StatusList): StatusList {
  const { bits } = younger;
  if (other.bits !== bits || other.size !== younger.size) throw malformed('it is of another size than the one before');
  const mask = (1 << bits) - 1;
  const bytes = Uint8Array.from(younger.bytes);
  for (let at = 0; at < bytes.length; at++) {
    const [a, b] = [bytes[at] as number, other.bytes[at] as number];
    if (a === b) continue;
    let byte = 0;
    for (let shift = 0; shift < 8; shift += bits) byte |= worse((a >> shift) & mask, (b >> shift) & mask) << shift;
    bytes[at] = byte;
  }
  return { ...younger, bytes };
}

const malformed = (detail: string, cause?: unknown) => new VerifierError('status_list_malformed', { detail, cause });

/**
 * Reads a Status List Token (draft-ietf-oauth-status-list §5.1, §8.3) that was had from `uri`. `isSigned` says whether its
 * signature is the issuer's: nothing is inflated before. Throws `status_list_malformed` or `status_list_too_large`.
 */
export async function readStatusList(
  token: string,
  uri: string,
  isSigned: (compact: Compact) => Promise<boolean>,
  nowMs: number,
  work: Work = { charactersRead: 0, bytesInflated: 0 },
): Promise<StatusList> {
  const codes = { tooLarge: 'status_list_too_large', malformed: 'status_list_malformed' } as const;
  const compact = readCompact(token, MAX_STATUS_LIST_LENGTH, codes, work);
  if (compact.header.typ !== 'statuslist+jwt') throw malformed('its typ is another');
  if (!(await isSigned(compact))) throw malformed('its signature is wrong');
  const { sub, iat, exp, ttl, status_list: list } = compact.claims;
  const now = nowMs / 1000;
  if (sub !== uri) throw malformed('its sub is another address');
  if (!isTime(iat) || iat > now + SKEW_SECONDS) throw malformed('iat');
  if (!isTime(exp) || now >= exp + SKEW_SECONDS) throw malformed('exp');
  if (ttl !== undefined && !(typeof ttl === 'number' && ttl > 0)) throw malformed('ttl');
  const { bits, lst } = (list ?? {}) as Record<string, unknown>;
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8) throw malformed('bits');
  const deflated = typeof lst === 'string' ? decode(lst) : undefined;
  if (!deflated) throw malformed('lst');
  const bytes = await inflate(deflated, work);
  const ttlSeconds = Math.min(Math.max(ttl ?? DEFAULT_TTL_SECONDS, 1), MAX_TTL_SECONDS);
  return { iat, exp, ttlSeconds, size: (bytes.length * 8) / bits, bits, bytes };
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** ZLIB (RFC 1950), whole and nothing after it. Stops as soon as more came out than a list may have. */
function inflate(deflated: Buffer, work: Work): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = createInflate();
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      work.bytesInflated += chunk.length;
      if (size > MAX_LIST_BYTES) stream.destroy(new VerifierError('status_list_too_large'));
      else chunks.push(chunk);
    });
    stream.once('error', (error) => reject(error instanceof VerifierError ? error : malformed('lst', error)));
    stream.once('end', () => {
      if (stream.bytesWritten === deflated.length) resolve(Buffer.concat(chunks));
      else reject(malformed('lst goes on after its end'));
    });
    stream.end(deflated);
  });
}
