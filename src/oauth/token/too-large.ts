import { OAuthError } from '../../platform/http/index.ts';
import type { OverBudget } from '../../tokens/index.ts';

/** The refusal of a token that would be over its API's budget, with the remedies. */
export function tokenTooLarge(
  { bytes, budget, permissions }: OverBudget,
  kind: 'token' | 'ID token' = 'token',
): OAuthError {
  const other = kind === 'token' ? 'let its tokens carry a bitmap' : 'read the permissions at userinfo';
  return new OAuthError(
    'invalid_target',
    `The ${kind} would have ${bytes} bytes for ${permissions} permissions; the budget of this API is ${budget}. Raise it, ${other}, or give the client fewer permissions.`,
  );
}
