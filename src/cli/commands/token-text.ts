import { Failure } from '../../platform/errors.ts';
import { decodeJsonPart } from '../../platform/jws.ts';
import { oneLine } from '../../platform/text-file.ts';
import { type Input, optionText } from '../command.ts';

/** A decoded compact JWS, not verified. */
export interface Decoded {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Longer than any token of Signet. */
const MAX_TOKEN_LENGTH = 65_536;

/** Returns the token on standard input. A token on the command line would stay in the shell's history. */
export function readTokenArgument(input: Input, stdin: string | null, name: string): string {
  if (input.positionals[0] !== '-' || stdin === null || optionText(input, 'token') !== undefined)
    throw new Failure(
      'usage',
      `A token on the command line stays in the shell's history. Pipe it: echo "$TOKEN" | npx signet ${name} -`,
    );
  const token = oneLine(stdin, 'Standard input', 'token');
  if (token.trim() === '')
    throw new Failure('usage', `Standard input is empty. Pipe the token: echo "$TOKEN" | npx signet ${name} -`);
  return token;
}

/** Decodes header and claims (RFC 7515 §7.1, RFC 7519 §7.2); a string explains why it is not a JWT. */
export function decodeToken(token: string): Decoded | string {
  if (token.length > MAX_TOKEN_LENGTH) return `it has ${token.length} characters, more than any token`;
  const parts = token.split('.');
  if (parts.length === 5) return 'it has five parts: an encrypted JWT (JWE)';
  if (parts.length !== 3)
    return `it has ${parts.length} ${parts.length === 1 ? 'part' : 'parts'} in place of three with dots between them`;
  if (!parts.every((part) => /^[\w-]+$/.test(part))) return 'its parts are not base64url';
  const [header, claims] = parts.map(decodeJsonPart);
  if (!header) return 'its header is not a JSON object';
  if (!claims) return 'its claims are not a JSON object';
  return { header, claims };
}
