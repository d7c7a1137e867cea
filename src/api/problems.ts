import type { PermissionErrors } from '../permissions/index.ts';
import type { DomainError } from '../platform/errors.ts';
import { Problem, type ProblemCode } from '../platform/http/index.ts';
import { quote } from '../platform/text.ts';
import { fieldText } from '../ui/messages.ts';
import type { FieldError, UserErrors } from '../users/index.ts';

/** The problems of refusals that no route handles itself. Any other such refusal is a fault of Signet. */
const PROBLEMS: { readonly [Code in keyof (PermissionErrors & UserErrors)]?: ProblemCode } = {
  api_not_found: 'not_found',
  api_deleted_meanwhile: 'not_found',
  permissions_not_found: 'not_found',
  group_not_found: 'not_found',
  user_not_found: 'not_found',
  user_id_not_found: 'not_found',
  user_id_as_username: 'not_found',
  user_deleted_meanwhile: 'not_found',
};

/** Returns the problem of a refusal of the domain. Its code and parameters are for the log only. */
export function domainProblem({ code, message }: DomainError): Problem {
  return new Problem((PROBLEMS as Record<string, ProblemCode | undefined>)[code] ?? 'internal', { reason: message });
}

/** Returns 422 with the errors of fields. `pointers`: the route's own names of fields, by the pointers of the errors. */
export function invalidFields(
  errors: readonly FieldError[],
  pointers: { readonly [Pointer in FieldError['pointer']]?: string } = {},
): Problem {
  return new Problem('invalid', {
    errors: errors.map((one) => ({
      pointer: pointers[one.pointer] ?? one.pointer,
      code: one.code,
      detail: fieldText(one),
    })),
  });
}

export function unknownAudience(audience: string): Problem {
  return new Problem('unknown_audience', { detail: `There is no API with the audience ${quote(audience)}.` });
}
