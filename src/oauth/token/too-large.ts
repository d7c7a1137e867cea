import { OAuthError } from '../../platform/http/index.ts';
import type { OverBudget } from '../../tokens/index.ts';

/** The refusal of a token that would be over its API's budget, with the remedies. */
export function tooLarge({ bytes, budget, permissions }: OverBudget): OAuthError {
  return new OAuthError(
    'invalid_target',
    `The token would have ${bytes} bytes for ${permissions} permissions; the budget of this API is ${budget}. Raise it, let its tokens carry a bitmap, or give the client fewer permissions.`,
  );
}
