import type { PermissionErrors } from '../permissions/index.ts';
import { DomainError, type ErrorParams, Failure, type FailureKind } from '../platform/errors.ts';
import type { UserErrors } from '../users/index.ts';
import { permissionMessages } from './messages/permissions.ts';
import { userMessages } from './messages/users.ts';

/** What a command prints about a refusal of the domain, and its exit code. */
interface Message<Params> {
  readonly exit: FailureKind;
  /** What happened, then what to do. */
  readonly text: (params: Params) => string;
}

/** The messages of a room's errors: complete, or it does not compile. */
export type Messages<Table> = { readonly [Code in keyof Table]: Message<Table[Code]> };

const MESSAGES: Messages<PermissionErrors & UserErrors> = { ...permissionMessages, ...userMessages };

/** Returns the failure of a command for a refusal of the domain. */
export function toFailure(error: DomainError): Failure {
  const message = (MESSAGES as unknown as Record<string, Message<ErrorParams> | undefined>)[error.code];
  if (message === undefined) return new Failure('failed', `${error.message} (no message for this code).`);
  return new Failure(message.exit, message.text(error.params), { code: error.code });
}
