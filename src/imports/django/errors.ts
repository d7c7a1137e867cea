import { DomainError, domainErrors, type NoParams } from '../../platform/errors.ts';
import type { ImportReport } from './report.ts';

/** A message about a dump shows the command that writes a complete one, which names the file and the user model. */
type Dump = { readonly file: string; readonly userModel: string };

/** A row of a file of renames, from 1. */
type RenameRow = { readonly file: string; readonly row: number };

/** The refusals of this room, with what a message about each names. */
export interface ImportErrors {
  readonly dump_too_large: Dump & { readonly maxMegabytes: number };
  /** The first byte that is not UTF-8: `offset` from 0, `line` from 1. */
  readonly dump_not_utf8: Dump & { readonly offset: number; readonly line: number; readonly byte: number };
  readonly dump_other_encoding: Dump & { readonly encoding: string };
  readonly dump_empty: Dump;
  readonly dump_not_text: Dump;
  /** `start`: the first characters. The last ones may be part of a password hash: `hasEnd` says whether they end a list. */
  readonly dump_not_json: Dump & { readonly start: string; readonly hasEnd: boolean };
  readonly dump_not_a_list: Dump;
  /** `entry`: its number in the list, from 1. */
  readonly dump_record_invalid: Dump & { readonly entry: number };
  /** Records refer to `model`, of which the dump has none. */
  readonly dump_table_missing: Dump & { readonly model: string };
  readonly dump_without_records: Dump;
  readonly dump_without_users: Dump;
  /** `candidates`: the models of the dump that may be the user model. */
  readonly user_model_not_in_dump: Dump & { readonly candidates: readonly string[] };
  readonly user_model_malformed: { readonly label: string };
  /** Its records have no password and username. */
  readonly user_model_invalid: Dump;
  readonly username_field_not_found: Dump & { readonly field: string; readonly candidates: readonly string[] };
  readonly username_field_ambiguous: Dump & { readonly candidates: readonly string[] };
  readonly renames_unreadable: RenameRow & { readonly reason: string };
  readonly renames_header_missing: { readonly file: string; readonly header: readonly string[] };
  readonly renames_row_invalid: RenameRow & { readonly fields: number; readonly expected: number };
  readonly renames_name_missing: RenameRow & { readonly record: string };
  readonly renames_record_repeated: RenameRow & { readonly record: string };
  /** The record has another name in the dump. */
  readonly renames_name_differs: {
    readonly file: string;
    readonly record: string;
    readonly name: string;
    readonly nameInDump: string;
  };
  readonly renames_record_not_in_dump: { readonly file: string; readonly record: string };
  /** Superusers of Signet's own API administer Signet. */
  readonly import_into_own_api: NoParams;
  /** The API has users of the model `importedModel`: primary keys are unique within one model only. */
  readonly user_model_differs: {
    readonly audience: string;
    readonly importedModel: string;
    readonly userModel: string;
  };
  readonly missing_without_update: NoParams;
  /** A dump without users would deactivate all users. */
  readonly missing_without_users: Dump;
  readonly import_refused: {
    readonly file: string;
    readonly conflicts: number;
    readonly unmapped: number;
    readonly lastSuperusers: number;
  };
  readonly changed_during_import: { readonly change: ConcurrentChange };
  readonly import_removes_last_superuser: NoParams;
}

/** What changed between the comparison and the transaction of an import. */
export type ConcurrentChange =
  | 'object_changed'
  | 'object_created_or_deleted'
  | 'user_deleted'
  | 'api_deleted'
  | 'permission_removed'
  | 'staged_rows_deleted';

export const importError = domainErrors<ImportErrors>();

/** The refusal of an import for what its report lists: conflicts, unmapped records, or the loss of the last superuser. */
export class ImportRefused extends DomainError<'import_refused'> {
  readonly report: ImportReport;

  constructor(report: ImportReport) {
    const { file, conflicts, unmapped, lastSuperusers } = report;
    const counts = { conflicts: conflicts.length, unmapped: unmapped.length, lastSuperusers: lastSuperusers.length };
    super('import_refused', { file, ...counts });
    this.report = report;
  }
}
