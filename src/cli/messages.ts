import type { ImportErrors } from '../imports/django/index.ts';
import type { ApiRuleErrors } from '../oauth/api-rules/index.ts';
import type { ClientErrors } from '../oauth/index.ts';
import type { PermissionErrors } from '../permissions/index.ts';
import { DomainError, type ErrorParams, type Explain, Failure } from '../platform/errors.ts';
import type { ServerErrors } from '../server/errors.ts';
import type { TokenErrors } from '../tokens/index.ts';
import type { UserErrors } from '../users/index.ts';
import type { Message, Messages } from './command.ts';
import { clientMessages } from './messages/clients.ts';
import { importMessages } from './messages/imports.ts';
import { permissionMessages } from './messages/permissions.ts';
import { type PlatformErrors, platformMessages } from './messages/platform.ts';
import { serverMessages } from './messages/server.ts';
import { tokenMessages } from './messages/tokens.ts';
import { userMessages } from './messages/users.ts';

type AllErrors = ApiRuleErrors &
  ClientErrors &
  ImportErrors &
  PermissionErrors &
  PlatformErrors &
  ServerErrors &
  TokenErrors &
  UserErrors;

const MESSAGES: Messages<AllErrors> = {
  ...clientMessages,
  ...importMessages,
  ...permissionMessages,
  ...platformMessages,
  ...serverMessages,
  ...tokenMessages,
  ...userMessages,
};

/** Returns the failure of a command for a refusal of the domain. */
export function toFailure(error: DomainError): Failure {
  const message = (MESSAGES as unknown as Record<string, Message<ErrorParams> | undefined>)[error.code];
  if (message === undefined) return new Failure('failed', `${error.message} (no message for this code).`);
  const { code, params } = error;
  return new Failure(message.exit, message.text(params), { code, ...message.details?.(params) });
}

/** Returns the words of a refusal, for the log of a server. */
export const explain: Explain = (error) => toFailure(error).message;

/** Returns the words of any error, in one line. */
export function errorLine(error: unknown): string {
  const text = error instanceof DomainError ? explain(error) : (error as Error).message;
  return text.split('\n')[0] as string;
}
