import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { findUses } from './calls.ts';
import { lex } from './lex.ts';
import { syntaxes } from './syntax.ts';
import { findTemplateUses } from './template.ts';
import type { Use } from './use.ts';

export type FoundUse = Use & { readonly file: string };

export interface Scan {
  readonly files: number;
  readonly uses: readonly FoundUse[];
  /** Files that are too large to read. */
  readonly skipped: readonly string[];
}

/** Folders with third-party or generated code. */
const skippedFolders = new Set(['node_modules', 'dist', 'vendor', '__pycache__', 'venv', 'site-packages']);

/** Larger than any hand-written source. */
const MAX_BYTES = 2 * 1024 * 1024;

/** Finds the permission checks in one source; returns null for an unsupported file type. */
export function findSourceUses(file: string, source: string): Use[] | null {
  const extension = extname(file).toLowerCase();
  if (extension === '.html') return findTemplateUses(source);
  const syntax = syntaxes.get(extension);
  return syntax ? findUses(lex(source, syntax), syntax) : null;
}

/** A file or folder cannot be read. */
export class ScanError extends Error {
  override readonly name = 'ScanError';
  /** A system error code such as `ENOENT`. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(`${path} cannot be read (${code}). Check the path, and that this user may read it.`);
    this.code = code;
  }
}

/** Scans a folder in the order of names. Links are not followed. Throws ScanError. */
export async function scanFolder(folder: string, onProgress: (files: number) => void): Promise<Scan> {
  const uses: FoundUse[] = [];
  const skipped: string[] = [];
  let files = 0;
  const readSource = async (path: string, size: number) => {
    if (!(extname(path).toLowerCase() === '.html' || syntaxes.has(extname(path).toLowerCase()))) return;
    if (size > MAX_BYTES) return void skipped.push(path);
    files += 1;
    for (const use of findSourceUses(path, await readFile(path, 'utf8')) ?? []) uses.push({ file: path, ...use });
    onProgress(files);
  };
  const walk = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = join(path, entry.name);
      if (entry.isDirectory() && !entry.name.startsWith('.') && !skippedFolders.has(entry.name)) await walk(inner);
      else if (entry.isFile()) await readSource(inner, (await stat(inner)).size);
    }
  };
  try {
    const top = await stat(folder);
    if (top.isDirectory()) await walk(folder);
    else await readSource(folder, top.size);
  } catch (error) {
    const { code, path = folder } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new ScanError(path, code);
  }
  return { files, uses, skipped };
}
