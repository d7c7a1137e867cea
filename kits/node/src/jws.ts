import { compactVerify } from 'jose';
import { VerifierError, type VerifierErrorCode } from './errors.ts';
import type { VerificationKey } from './keys.ts';
import { parseObject } from './strict-json.ts';

/** A decoded JWS in compact serialization (RFC 7515 §3.1), not verified. */
export interface CompactJws {
  readonly token: string;
  readonly header: { readonly alg: string; readonly typ: string; readonly kid: string };
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Counters of the work done before a rejection, for tests. */
export interface Work {
  charactersRead: number;
  bytesInflated: number;
}

/** Rejected header members: they name a key, require an extension (RFC 7515 §4.1.2-11, RFC 7797), or belong to a JWE. */
const REFUSED_MEMBERS = ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'zip', 'enc', 'epk', 'p2c', 'p2s'];

const MAX_KID_LENGTH = 256;

/** By character code: 1 = base64url, 2 = dot, 0 = not allowed in a compact JWS. */
const ALPHABET = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') ALPHABET[char.charCodeAt(0)] = 1;
ALPHABET['.'.charCodeAt(0)] = 2;

/** The error codes for a token that is too long, or malformed. */
export interface CompactCodes {
  readonly tooLarge: VerifierErrorCode;
  readonly malformed: VerifierErrorCode;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Decodes the header and claims of a compact JWS. Reads at most `maxLength` characters, and stops at the first invalid one or at a third
 * dot. Throws `codes.tooLarge` or `codes.malformed`.
 */
export function readParts(
  token: string,
  maxLength: number,
  codes: CompactCodes,
  work: Work = { charactersRead: 0, bytesInflated: 0 },
): { readonly header: JsonObject; readonly claims: JsonObject } {
  const malformed = (detail: string) => new VerifierError(codes.malformed, { detail });
  if (typeof token !== 'string') throw malformed('it is no string');
  if (token.length > maxLength)
    throw new VerifierError(codes.tooLarge, { detail: `it has ${token.length} characters, at most ${maxLength}` });
  const dots: number[] = [];
  for (let position = 0; position < token.length; position++) {
    work.charactersRead++;
    const kind = ALPHABET[token.charCodeAt(position)] ?? 0;
    if (kind === 1) continue;
    if (kind === 0) throw malformed(`the character at ${position} does not belong in a compact JWS`);
    if (dots.push(position) > 2) throw malformed('it has more than three parts');
  }
  const [first, second] = dots;
  if (first === undefined || second === undefined) throw malformed('it has fewer than three parts');
  const header = decodeObject(token.slice(0, first));
  const claims = decodeObject(token.slice(first + 1, second));
  if (!header) throw malformed('the header is no JSON object, or has a member twice');
  if (!claims) throw malformed('the payload is no JSON object, or has a member twice');
  if (second === token.length - 1 || !decodeBase64url(token.slice(second + 1)))
    throw malformed('the signature is not base64url');
  return { header, claims };
}

/** Decodes a token of the issuer: like `readParts`, with its header members. It never throws `token_wrong_algorithm`. */
export function readCompact(token: string, maxLength: number, codes: CompactCodes, work?: Work): CompactJws {
  const malformed = (detail: string) => new VerifierError(codes.malformed, { detail });
  const { header, claims } = readParts(token, maxLength, codes, work);
  for (const name of REFUSED_MEMBERS)
    if (Object.hasOwn(header, name)) throw malformed(`the header has ${name}, which is not accepted`);
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || typeof typ !== 'string') throw malformed('the header lacks alg or typ');
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) throw malformed('the header lacks kid');
  return { token, header: { alg, typ, kid }, claims };
}

/** Decodes canonical base64url: no other text encodes the same bytes, so a changed character is always rejected. */
export function decodeBase64url(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function decodeObject(text: string): Record<string, unknown> | undefined {
  const bytes = text === '' ? undefined : decodeBase64url(text);
  return bytes && parseObject(bytes);
}

/** Returns whether the key signed the JWS. The key determines the algorithm, which the header must match. */
export async function isSignedBy(compact: CompactJws, key: VerificationKey): Promise<boolean> {
  if (compact.header.alg !== key.alg) return false;
  try {
    await compactVerify(compact.token, key.key, { algorithms: [key.alg] });
    return true;
  } catch {
    return false;
  }
}
