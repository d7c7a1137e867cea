import type { ErrorParams, NoParams } from '../../platform/errors.ts';

/** A reference of a record, and the value that the dump has for it. */
type Reference = {
  readonly field: 'permission' | 'group' | 'content_type' | 'user';
  readonly reference: string;
};

/** A part of a permission's name. */
export type IdentifierPart = 'codename' | 'app_label' | 'model';

/** What a report says about records, with what a text about each names. */
export interface NoteCodes {
  readonly name_missing: { readonly kind: 'user' | 'group' };
  readonly username_too_long: { readonly max: number };
  readonly username_empty: NoParams;
  readonly username_unprintable: NoParams;
  readonly username_like_id: NoParams;
  readonly username_like_client_id: NoParams;
  readonly username_built_in: NoParams;
  readonly primary_key_invalid: NoParams;
  readonly key_repeated: NoParams;
  readonly reference_malformed: Reference;
  readonly reference_not_in_dump: Reference;
  /** The dump has the record, but it cannot be imported. */
  readonly reference_not_imported: Reference;
  readonly reference_incomplete: Reference;
  readonly references_not_a_list: { readonly field: 'permission' | 'group' };
  readonly codename_missing: NoParams;
  readonly identifier_empty: { readonly part: IdentifierPart };
  readonly identifier_too_long: { readonly part: IdentifierPart; readonly max: number };
  readonly identifier_unprintable: { readonly part: IdentifierPart };
  /** The codename is the label. */
  readonly label_invalid: NoParams;
  readonly field_not_storable: { readonly field: string };
  /** `reason`: the code of the field error. */
  readonly field_invalid: { readonly field: string; readonly value: string; readonly reason: string };
  /** The user's address is not the primary address of django-allauth. */
  readonly email_not_primary: NoParams;
  /** The flag is read as false. */
  readonly flag_invalid: { readonly field: string };
  readonly date_invalid: { readonly field: string };
  readonly attribute_not_a_number: { readonly field: string };
  readonly attribute_not_storable: { readonly field: string };
  readonly attribute_too_large: { readonly field: string; readonly maxBytes: number };
  /** Several tables may be that of a field of users. */
  readonly through_ambiguous: { readonly field: string; readonly models: readonly string[] };
  /** The dump has neither a field of users nor a table for it. */
  readonly through_missing: { readonly field: string };
  readonly permission_removed: { readonly permission: string };
  readonly group_deleted: { readonly group: string };
  readonly group_skipped: { readonly group: string };
  readonly password_missing: NoParams;
  readonly password_empty: NoParams;
  readonly password_unreadable: NoParams;
  /** Its verification is too expensive: `value` is over the bound `max`. */
  readonly password_over_bounds: { readonly bound: string; readonly value: number; readonly max: number };
  readonly password_slow: { readonly milliseconds: number };
  readonly name_normalized: { readonly storedName: string };
  /** `record` of the dump has the same name in Signet. */
  readonly name_repeated: { readonly record: string; readonly name: string };
  /** Signet has an object of this name that was not imported from this source. */
  readonly name_taken: { readonly kind: 'user' | 'group'; readonly name: string };
  /** `record` of the dump has the same address; null: a user of Signet has it. */
  readonly email_not_unique: { readonly record: string | null };
  readonly username_is_email: { readonly record: string | null };
  readonly username_like_email: NoParams;
  readonly record_missing: NoParams;
  readonly missing_user_inactive: NoParams;
  readonly missing_user_deactivated: NoParams;
  readonly last_superuser_lost: NoParams;
}

/** A code with its parameters: one of `NoteCodes`, or why the room of groups refuses a name. */
export interface Note {
  readonly code: string;
  readonly params: ErrorParams;
}

export function note<Code extends keyof NoteCodes>(
  code: Code,
  ...[params]: NoParams extends NoteCodes[Code] ? [params?: NoteCodes[Code]] : [params: NoteCodes[Code]]
): Note {
  return { code, params: params ?? {} };
}
