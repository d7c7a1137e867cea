// Node can also write and read JOSE's form, for 20 µs more per signature: a key with an option beside it goes through a
// thrown and caught error, and the signature goes through OpenSSL once more (bench/README.md).

/** Bytes of each half of a P-256 signature. */
const HALF = 32;
const [SEQUENCE, INTEGER] = [0x30, 0x02];

/** Converts the DER sequence of OpenSSL to R and S concatenated (RFC 7518 §3.4). */
export function toRaw(der: Buffer): Buffer {
  const raw = Buffer.alloc(2 * HALF);
  let at = 2;
  for (const end of [HALF, 2 * HALF]) {
    const next = at + 2 + (der[at + 1] as number);
    // A DER integer may have a leading zero, which makes it positive, or fewer bytes than 32.
    const number = der.subarray(Math.max(at + 2, next - HALF), next);
    raw.set(number, end - number.length);
    at = next;
  }
  return raw;
}

/** Converts R and S to DER; null when the length is wrong (RFC 7518 §3.4). */
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
