/** A permission check in a source. */
export interface Use {
  readonly line: number;
  /** The function or attribute that checks, such as `has_perm`. */
  readonly by: string;
  /** The checked permission, or a whole app; null if known only at run time. */
  readonly permission: string | null;
  readonly app: string | null;
}

export const permissionUse = (line: number, by: string, permission: string): Use => ({
  line,
  by,
  permission,
  app: null,
});
export const appUse = (line: number, by: string, app: string): Use => ({ line, by, permission: null, app });
export const unknownUse = (line: number, by: string): Use => ({ line, by, permission: null, app: null });
