import { domainErrors, type NoParams } from '../platform/errors.ts';

/** The refusals of this room, with what a message about each names. */
export interface PermissionErrors {
  readonly api_exists: { readonly audience: string };
  /** `near`: the audience that was probably meant; null if none is like it. */
  readonly api_not_found: { readonly audience: string; readonly near: string | null };
  readonly api_deleted_meanwhile: NoParams;
  /** Signet's own API guards the administration: its audience cannot be taken, and it cannot be deleted. */
  readonly api_own_audience: { readonly audience: string };
  readonly api_own_undeletable: NoParams;
  /** Client ids begin with `c_`. */
  readonly audience_like_client_id: { readonly audience: string };
  readonly audience_invalid: { readonly audience: string };
  readonly setting_out_of_range: {
    readonly setting: 'ttlSeconds' | 'budgetBytes';
    readonly from: number;
    readonly to: number;
  };
  readonly permissions_not_found: { readonly audience: string; readonly names: readonly string[] };
  readonly catalogue_too_large: { readonly audience: string; readonly count: number; readonly max: number };
  readonly group_exists: { readonly name: string };
  readonly group_not_found: { readonly name: string; readonly near: string | null };
  readonly group_name_too_long: { readonly max: number };
  readonly group_name_empty: NoParams;
  readonly group_name_unprintable: NoParams;
  /** `line`: 0 if the parser names none. */
  readonly document_unreadable: { readonly reason: string; readonly line: number };
}

export const permissionError = domainErrors<PermissionErrors>();
