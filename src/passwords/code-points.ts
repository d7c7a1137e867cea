/** The longest password that may be set, in code points; 800-63B-4 §3.1.1.2 asks for 64 or more. Never truncated. */
export const MAX_CODE_POINTS = 1024;

/** Whether a password may be this long. Asked before anything else is done with one; what is far too long is not even counted. */
export function isPasswordSized(password: string): boolean {
  return password.length <= 2 * MAX_CODE_POINTS && codePoints(password) <= MAX_CODE_POINTS;
}

/** The length of a text as 800-63B-4 §3.1.1.2 counts passwords: each Unicode code point is one character. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
