import type { ImportErrors } from '../imports/django/index.ts';
import type { PermissionErrors } from '../permissions/index.ts';
import { type DomainError, type ErrorParams, Failure } from '../platform/errors.ts';
import type { Message, Messages } from './command.ts';
import { importMessages } from './messages/imports.ts';
import { permissionMessages } from './messages/permissions.ts';

const MESSAGES: Messages<PermissionErrors & ImportErrors> = { ...permissionMessages, ...importMessages };

/** Returns the failure of a command for a refusal of the domain. */
export function toFailure(error: DomainError): Failure {
  const message = (MESSAGES as unknown as Record<string, Message<ErrorParams> | undefined>)[error.code];
  if (message === undefined) return new Failure('failed', `${error.message} (no message for this code).`);
  const { code, params } = error;
  return new Failure(message.exit, message.text(params), { code, ...message.details?.(params) });
}
