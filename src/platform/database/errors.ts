import { domainErrors, type NoParams } from '../errors.ts';

/**
 * The refusals of this room, with what a message about each names. `reason`: the text of PostgreSQL or of its driver.
 */
export interface DatabaseErrors {
  readonly database_not_found: { readonly database: string; readonly reason: string };
  readonly database_login_refused: { readonly reason: string };
  readonly database_connect_denied: { readonly database: string; readonly reason: string };
  readonly database_connections_exhausted: { readonly reason: string };
  /** A pooler refuses a parameter of the start-up packet. */
  readonly database_parameter_unsupported: { readonly reason: string };
  readonly database_unreachable: { readonly reason: string };
  /** `percent`: a `%` that escapes nothing. */
  readonly database_url_invalid: { readonly fault: 'scheme' | 'percent' | 'syntax' };
  /** Prepared statements are not found on their connection. */
  readonly pooler_unexpected: { readonly reason: string };
  /** A version before the first release made it. */
  readonly database_too_old: NoParams;
  readonly database_standby: NoParams;
  readonly database_empty: NoParams;
  /** Signet's tables are in a schema outside `search_path`. */
  readonly database_tables_elsewhere: {
    readonly schema: string;
    readonly searchPath: string;
    readonly role: string;
    readonly database: string;
  };
  readonly database_setting_wrong: { readonly setting: string; readonly value: string; readonly needed: string };
}

export const databaseError = domainErrors<DatabaseErrors>();
