import { Failure } from '../../platform/errors.ts';
import { systemClock } from '../../platform/time.ts';
import type { RunLocally } from '../command.ts';
import { duration, printable } from './text.ts';
import { decodeToken, readTokenArgument } from './token-text.ts';

/** Prints the content of a token. Needs no database and no key, so it verifies nothing. */
export const tokenInspect: RunLocally = async ({ readStdin }, input) => {
  const token = readTokenArgument(input, input.positionals[0] === '-' ? await readStdin() : null, 'token inspect');
  const decoded = decodeToken(token);
  if (typeof decoded === 'string') throw new Failure('usage', `This is no JWT: ${decoded}.`);
  const { header, claims } = decoded;
  const exp = claims['exp'];
  const secondsLeft = typeof exp === 'number' ? Math.floor(exp - systemClock.now().getTime() / 1000) : null;
  return {
    data: {
      verified: false,
      header,
      claims,
      bytes: token.length,
      expires_in: secondsLeft,
      is_expired: secondsLeft === null ? null : secondsLeft <= 0,
    },
    text: [
      `Header  ${pretty(header)}`,
      `Claims  ${pretty(claims)}`,
      expiryText(secondsLeft),
      `${token.length} bytes. Nothing was verified: anybody can write such a text. Verify it: npx signet token verify -`,
    ].join('\n'),
  };
};

function pretty(value: object): string {
  return JSON.stringify(value, null, 2).split('\n').map(printable).join('\n');
}

function expiryText(secondsLeft: number | null): string {
  if (secondsLeft === null) return 'It does not say when it expires.';
  return secondsLeft > 0 ? `Expires in ${duration(secondsLeft)}.` : `Expired ${duration(secondsLeft)} ago.`;
}
