/** The longest password that may be set, in code points; 800-63B-4 §3.1.1.2 asks for 64 or more. Never truncated. */
export const MAX_CODE_POINTS = 1024;

/** Returns whether a password is not too long. Call it before any other work; the characters of a far too long text are not counted. */
export function isPasswordSized(password: string): boolean {
  return password.length <= 2 * MAX_CODE_POINTS && codePoints(password) <= MAX_CODE_POINTS;
}

/** Returns the length of a text in Unicode code points (800-63B-4 §3.1.1.2). */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
