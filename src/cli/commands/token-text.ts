import { Failure } from '../../platform/errors.ts';
import { oneLine } from '../../platform/text-file.ts';
import { type Input, optionText } from '../command.ts';

/** A JWS in compact form, taken apart and nothing more. */
export interface Decoded {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Far more than any token of Signet; a longer text is something else. */
const LONGEST = 65_536;

/** The token of standard input. A word on the command line would stay in the shell's history. */
export function readTokenArgument(input: Input, stdin: string | null, name: string): string {
  if (input.positionals[0] !== '-' || stdin === null || optionText(input, 'token') !== undefined)
    throw new Failure(
      'usage',
      `A token on the command line stays in the shell's history. Pipe it: echo "$TOKEN" | npx signet ${name} -`,
    );
  const token = oneLine(stdin, 'Standard input', 'token');
  if (token.trim() === '') throw new Failure('usage', 'Standard input holds no token.');
  return token;
}

/** Header and claims (RFC 7515 §7.1, RFC 7519 §7.2); a text says why it is no JWT. */
export function decode(token: string): Decoded | string {
  if (token.length > LONGEST) return `it has ${token.length} characters`;
  const parts = token.split('.');
  if (parts.length === 5) return 'it has five parts: an encrypted JWT (JWE)';
  if (parts.length !== 3) return `a JWT has three parts with dots between, this has ${parts.length}`;
  if (!parts.every((part) => /^[\w-]+$/.test(part))) return 'its parts are not base64url';
  const [header, claims] = parts.map(decodeJsonPart);
  if (!header) return 'its header is no JSON object';
  if (!claims) return 'its claims are no JSON object';
  return { header, claims };
}

function decodeJsonPart(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url')));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
