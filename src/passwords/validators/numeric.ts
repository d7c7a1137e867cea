import type { PasswordFailure } from './failure.ts';

/**
 * Python's `str.isdigit` accepts the decimal digits of every script and the characters whose Numeric_Type is Digit. For
 * the latter JavaScript has no property, so they are listed (DerivedNumericType.txt, complete for Unicode 14).
 */
const DIGITS = [
  String.raw`\p{Nd}`,
  String.raw`\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089`, // superscripts and subscripts
  String.raw`\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u{1f100}-\u{1f10a}`, // circled, bracketed
  String.raw`\u2776-\u277e\u2780-\u2788\u278a-\u2792`, // dingbats
  String.raw`\u1369-\u1371\u19da\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}`, // Ethiopic to Brahmi
];
const ALL_DIGITS = new RegExp(`^[${DIGITS.join('')}]+$`, 'u');

/** Django's NumericPasswordValidator. */
export function checkNumeric(password: string): PasswordFailure | null {
  if (!ALL_DIGITS.test(password)) return null;
  return { code: 'password_entirely_numeric', detail: 'This password is entirely numeric.' };
}
