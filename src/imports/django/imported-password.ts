import { makeUnusable, readPassword } from '../../passwords/index.ts';

export interface ImportedPassword {
  /** What is stored: as it was, or unusable. */
  readonly encoded: string;
  readonly algorithm: string;
  /** Why it was made unusable; null when it was kept. */
  readonly problem: string | null;
}

/** Keeps a password as it is, unless no verification of it could be carried out, or only at a price that nobody should pay. */
export function importPassword(stored: string | null): ImportedPassword {
  const refused = (problem: string, algorithm = 'none') => ({ encoded: makeUnusable(), algorithm, problem });
  if (stored === null) return refused('the record has no password');
  if (stored === '') return refused('the password is empty');
  const parsed = readPassword(stored);
  if (parsed === null) return refused('the password is malformed or of an unknown kind');
  if (parsed.overBounds !== null) return refused(parsed.overBounds, parsed.algorithm);
  return { encoded: stored, algorithm: parsed.algorithm, problem: null };
}
