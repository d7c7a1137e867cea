import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { deriveKey } from '../platform/digest.ts';

/** Derives the key for `formDigest`. Without it and the browser's secret a digest reveals nothing about the form. */
export function deriveFormKey(masterKey: Buffer): KeyObject {
  return createSecretKey(deriveKey(masterKey, 'sign-in form'));
}

/** The fields of a sign-in form, and the browser that sent it. */
export interface SignInForm {
  /** A secret of the browser. */
  readonly browser: string;
  readonly username: string;
  readonly password: string;
  readonly next: string;
}

/** Returns a digest that is equal only for equal forms of one browser. */
export function formDigest(key: KeyObject, { browser, username, password, next }: SignInForm): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify([browser, username, password, next]))
    .digest();
}
