import { domainErrors, type NoParams } from '../platform/errors.ts';

/** The refusals of this room, with what a message about each names. Errors of a user's fields are returned: see `FieldError`. */
export interface UserErrors {
  /** `near`: the name that was probably meant; null if none is like it. */
  readonly user_not_found: { readonly username: string; readonly near: string | null };
  readonly user_id_not_found: { readonly id: string };
  /** The id is not a UUID. */
  readonly user_id_invalid: { readonly id: string };
  /** A username was expected, and this is an id. An id is never read as a name. */
  readonly user_id_as_username: { readonly id: string };
  readonly user_deleted_meanwhile: NoParams;
}

export const userError = domainErrors<UserErrors>();
