import type { Database } from '../platform/database/index.ts';
import type { MethodTraits } from './flow/state.ts';

/** A further way to prove who a user is, after the first. */
export interface SignInMethod extends MethodTraits {
  readonly name: string;
  /** Returns whether the user has proved it; `input` is what the user sent. */
  verify(db: Database, userId: string, input: string, now: Date): Promise<boolean>;
}

/** The method of the backends. Its `amr` comes from the backend that authenticated the user. */
export const PASSWORD = 'password';

/** The traits of the first factor and of the further methods, by name. */
export function methodTraits(further: readonly SignInMethod[]): Readonly<Record<string, MethodTraits>> {
  const password: MethodTraits = { amr: 'pwd', factor: 'knowledge' };
  return { [PASSWORD]: password, ...Object.fromEntries(further.map((one) => [one.name, one])) };
}
