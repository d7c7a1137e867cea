/** A place in a source that asks for a permission. */
export interface Use {
  readonly line: number;
  /** The words that ask, such as `has_perm`. */
  readonly by: string;
  /** What is asked for: a permission, or an app as a whole; null when only the running program knows. */
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
