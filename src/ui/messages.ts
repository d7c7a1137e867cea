import { IntlMessageFormat } from 'intl-messageformat';
import type { DocumentIssue } from '../permissions/index.ts';
import type { ErrorParams } from '../platform/errors.ts';
import type { FieldError } from '../users/index.ts';
import en from './messages/en.json' with { type: 'json' };

/** The name of a text in `messages/en.json`. */
export type MessageKey = keyof typeof en;

/** Returns a text (ICU MessageFormat). Lists are joined by commas. */
export function message(key: MessageKey, params: ErrorParams = {}): string {
  const values = Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
  return String(new IntlMessageFormat(en[key], 'en').format(values));
}

/** Returns the parameters of a text that says how long to wait. */
export function wait(seconds: number): { readonly unit: 'seconds' | 'minutes'; readonly count: number } {
  return seconds < 120 ? { unit: 'seconds', count: seconds } : { unit: 'minutes', count: Math.ceil(seconds / 60) };
}

type KeyOf<One extends FieldError> = One extends { pointer: `/${infer Field}`; code: infer Code extends string }
  ? `${Field}.${Code}`
  : never;

/** Returns what is wrong with a field, as a sentence. */
export function fieldText({ pointer, code, params }: FieldError): string {
  return message(`${pointer.slice(1)}.${code}` as KeyOf<FieldError>, params);
}

/** Returns what is wrong at a place of a document, as the end of a sentence that begins with the place. */
export function issueText({ code, params }: DocumentIssue): string {
  return message(`document.${code}`, params);
}
