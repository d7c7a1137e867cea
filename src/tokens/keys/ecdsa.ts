// Node makes and reads the form of JOSE too, for 20 µs more a signature: a key with an option beside it goes through a thrown and
// caught error, and the signature through OpenSSL once more (bench/README.md).

/** Bytes of each half of a signature by P-256. */
const HALF = 32;
const [SEQUENCE, INTEGER] = [0x30, 0x02];

/** RFC 7518 §3.4: R and S one after the other, of the DER sequence that OpenSSL makes. */
export function toRaw(der: Buffer): Buffer {
  const raw = Buffer.alloc(2 * HALF);
  let at = 2;
  for (const end of [HALF, 2 * HALF]) {
    const next = at + 2 + (der[at + 1] as number);
    // A number may have a zero in front, which says that it is not negative, or fewer bytes than the others.
    const number = der.subarray(Math.max(at + 2, next - HALF), next);
    raw.set(number, end - number.length);
    at = next;
  }
  return raw;
}

/** And back; null for what is not as long as two such numbers (RFC 7518 §3.4). */
export function toDer(raw: Buffer): Buffer | null {
  if (raw.length !== 2 * HALF) return null;
  const numbers = Buffer.concat([toInteger(raw.subarray(0, HALF)), toInteger(raw.subarray(HALF))]);
  return Buffer.concat([Buffer.from([SEQUENCE, numbers.length]), numbers]);
}

function toInteger(half: Buffer): Buffer {
  let from = 0;
  while (from < HALF - 1 && half[from] === 0) from += 1;
  const number = half.subarray(from);
  const sign = (number[0] as number) >= 0x80 ? [0] : [];
  return Buffer.concat([Buffer.from([INTEGER, number.length + sign.length, ...sign]), number]);
}
