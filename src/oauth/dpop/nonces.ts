import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { deriveKey } from '../../platform/digest.ts';

/**
 * Nonces that every process of a server derives alike and that clients cannot predict (RFC 9449 §8). Nothing is stored.
 */
export interface Nonces {
  /** The nonce for new proofs. */
  current(now: Date): string;
  isValid(nonce: string, now: Date): boolean;
}

/** A nonce is valid for one to two steps. */
const STEP_MS = 150_000;
/** The longest validity of a nonce. */
export const NONCE_SECONDS = (2 * STEP_MS) / 1000;
const BYTES = 18;

export function createNonces(masterKey: Buffer): Nonces {
  const key = createSecretKey(deriveKey(masterKey, 'dpop-nonce'));
  const stepNonce = (step: number) =>
    createHmac('sha256', key).update(String(step)).digest().subarray(0, BYTES).toString('base64url');
  const nonceStep = (now: Date) => Math.floor(now.getTime() / STEP_MS);
  return {
    current: (now) => stepNonce(nonceStep(now)),
    isValid(nonce, now) {
      const actual = Buffer.from(nonce);
      const isEqual = (expected: string) =>
        actual.length === expected.length && timingSafeEqual(actual, Buffer.from(expected));
      return isEqual(stepNonce(nonceStep(now))) || isEqual(stepNonce(nonceStep(now) - 1));
    },
  };
}
