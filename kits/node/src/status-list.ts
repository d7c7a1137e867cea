import { createInflate } from 'node:zlib';
import { SKEW_SECONDS } from './clock.ts';
import { VerifierError } from './errors.ts';
import { type CompactJws, decodeBase64url, readCompact, type Work } from './jws.ts';

/** Length limit of the JWT. */
export const MAX_STATUS_LIST_LENGTH = 4 * 1024 * 1024;

/** Limit after decompression: eight million tokens. */
const MAX_LIST_BYTES = 2 * 1024 * 1024;

const DEFAULT_TTL_SECONDS = 5;
const MAX_TTL_SECONDS = 300;

/** draft-ietf-oauth-status-list §7.1; 3 is specific to Signet: permissions were added, so a newer token has more. */
export const STATUS = { valid: 0, revoked: 1, suspended: 2, superseded: 3 } as const;

/** A decoded status list. */
export interface StatusList {
  readonly iat: number;
  readonly exp: number;
  /** Seconds until the next poll; 1 to 300. */
  readonly ttlSeconds: number;
  /** Number of statuses. */
  readonly size: number;
  readonly bits: 1 | 2 | 4 | 8;
  readonly bytes: Uint8Array;
}

/** Returns the status at an index. Throws `status_out_of_range`. */
export function statusAt({ bits, bytes, size }: StatusList, idx: number): number {
  if (idx >= size) throw new VerifierError('status_out_of_range', { detail: `${idx} of ${size}` });
  const bit = idx * bits;
  return ((bytes[Math.floor(bit / 8)] as number) >> (bit % 8)) & ((1 << bits) - 1);
}

/** Returns the later of two statuses, which only move 0 → 3 → 2 → 1. Callers reject an unknown status. */
export const laterStatus = (a: number, b: number) => (rank(b) > rank(a) ? b : a);
const rank = (status: number) => [0, 3, 2, 1].indexOf(status) + (status > 3 ? 5 : 0);

/**
 * Merges two versions of a list: the newer one, with later statuses from the other. The issuer has several processes, and one may sign its
 * list before it has seen a change that another has seen.
 */
export function mergeLists(newer: StatusList, other: StatusList): StatusList {
  const { bits } = newer;
  if (other.bits !== bits || other.size !== newer.size) throw malformed('it is of another size than the one before');
  const mask = (1 << bits) - 1;
  const bytes = Uint8Array.from(newer.bytes);
  for (let position = 0; position < bytes.length; position++) {
    const [a, b] = [bytes[position] as number, other.bytes[position] as number];
    if (a === b) continue;
    let byte = 0;
    for (let shift = 0; shift < 8; shift += bits)
      byte |= laterStatus((a >> shift) & mask, (b >> shift) & mask) << shift;
    bytes[position] = byte;
  }
  return { ...newer, bytes };
}

const malformed = (detail: string, cause?: unknown) => new VerifierError('status_list_malformed', { detail, cause });

/**
 * Decodes a Status List Token (draft-ietf-oauth-status-list §5.1, §8.3) fetched from `uri`. `isSigned` verifies its signature before
 * anything is decompressed. Throws `status_list_malformed` or `status_list_too_large`.
 */
export async function readStatusList(
  token: string,
  uri: string,
  isSigned: (compact: CompactJws) => Promise<boolean>,
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
  const deflated = typeof lst === 'string' ? decodeBase64url(lst) : undefined;
  if (!deflated) throw malformed('lst');
  const bytes = await inflate(deflated, work);
  const ttlSeconds = Math.min(Math.max(ttl ?? DEFAULT_TTL_SECONDS, 1), MAX_TTL_SECONDS);
  return { iat, exp, ttlSeconds, size: (bytes.length * 8) / bits, bits, bytes };
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Decompresses ZLIB data (RFC 1950) without trailing bytes. Stops when the output exceeds the limit. */
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
