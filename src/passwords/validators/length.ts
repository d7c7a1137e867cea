import { codePoints, isPasswordSized, MAX_CODE_POINTS } from '../code-points.ts';
import type { PasswordFailure } from './failure.ts';

/** 800-63B-4 §3.1.1.2: at least 15 characters where the password is the only factor. */
export const DEFAULT_MIN_LENGTH = 15;

/** Django's MinimumLengthValidator, in code points as sent. */
export function checkMinimumLength(password: string, minLength: number = DEFAULT_MIN_LENGTH): PasswordFailure | null {
  if (codePoints(password) >= minLength) return null;
  return {
    code: 'password_too_short',
    detail: `This password is too short. It must contain at least ${minLength} character${minLength === 1 ? '' : 's'}.`,
    params: { min_length: minLength },
  };
}

/** The upper bound: a longer one is refused and never truncated. */
export function checkMaximumLength(password: string): PasswordFailure | null {
  if (isPasswordSized(password)) return null;
  return {
    code: 'password_too_long',
    detail: `This password is too long. It must contain at most ${MAX_CODE_POINTS} characters.`,
    params: { max_length: MAX_CODE_POINTS },
  };
}
