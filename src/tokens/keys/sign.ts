import { sign as nodeSign } from 'node:crypto';
import { type OpenKey, signBytes } from './signing-key.ts';

/** Makes a signature, at once or soon. */
export type Sign = (key: OpenKey, bytes: Buffer) => Buffer | Promise<Buffer>;

/** Handed over at a time; more are made on this thread. */
const MOST = 32;

/**
 * Signs in the thread pool while no password is hashed there, else on this thread, as `signBytes`. An RSA signature takes longer than all
 * the rest of a token request: another core takes it over (1.6 times as many tokens on two cores, bench/README.md). But behind
 * password hashes it would wait for tens of milliseconds, and a storm of logins would reach who asks for a token.
 */
export function createSign(isHashing: () => boolean): Sign {
  let away = 0;
  return (key, bytes) => {
    if (key.alg !== 'RS256' || away >= MOST || isHashing()) return signBytes(key, bytes);
    away += 1;
    return new Promise((resolve, reject) => {
      nodeSign('sha256', bytes, key.privateKey, (error, signature) => {
        away -= 1;
        if (error) reject(error);
        else resolve(signature);
      });
    });
  };
}
