import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { usesIn } from './calls.ts';
import { lex } from './lex.ts';
import { syntaxes } from './syntax.ts';
import { usesInTemplate } from './template.ts';
import type { Use } from './use.ts';

export type FoundUse = Use & { readonly file: string };

export interface Scan {
  readonly files: number;
  readonly uses: readonly FoundUse[];
  /** Files that were too large. */
  readonly skipped: readonly string[];
}

/** What others wrote, or a machine. */
const skippedFolders = new Set(['node_modules', 'dist', 'vendor', '__pycache__', 'venv', 'site-packages']);

/** Nobody writes a larger source by hand. */
const LARGEST_BYTES = 2 * 1024 * 1024;

/** The places of one source that ask for permissions; null when its kind is not read. */
export function usesInSource(file: string, source: string): Use[] | null {
  const extension = extname(file).toLowerCase();
  if (extension === '.html') return usesInTemplate(source);
  const syntax = syntaxes.get(extension);
  return syntax ? usesIn(lex(source, syntax), syntax) : null;
}

/** A file or folder that cannot be read. */
export class ScanError extends Error {
  override readonly name = 'ScanError';
  /** `ENOENT` and its like. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(`${path} cannot be read (${code}).`);
    this.code = code;
  }
}

/** Looks through a folder, in the order of names. Links are not followed. Throws ScanError. */
export async function scanFolder(folder: string, told: (files: number) => void): Promise<Scan> {
  const uses: FoundUse[] = [];
  const skipped: string[] = [];
  let files = 0;
  const read = async (path: string, size: number) => {
    if (!(extname(path).toLowerCase() === '.html' || syntaxes.has(extname(path).toLowerCase()))) return;
    if (size > LARGEST_BYTES) return void skipped.push(path);
    files += 1;
    for (const use of usesInSource(path, await readFile(path, 'utf8')) ?? []) uses.push({ file: path, ...use });
    told(files);
  };
  const walk = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = join(path, entry.name);
      if (entry.isDirectory() && !entry.name.startsWith('.') && !skippedFolders.has(entry.name)) await walk(inner);
      else if (entry.isFile()) await read(inner, (await stat(inner)).size);
    }
  };
  try {
    const top = await stat(folder);
    if (top.isDirectory()) await walk(folder);
    else await read(folder, top.size);
  } catch (error) {
    const { code, path = folder } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new ScanError(path, code);
  }
  return { files, uses, skipped };
}
