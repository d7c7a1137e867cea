// Runs many test files in one process. A file adds its tests to `t`: the root if it runs alone, else a part of its suite (an ESM export is
// a live binding, read when the file runs). Files keep no state that others could see.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import root, { type Test } from 'tap';

export type { Test } from 'tap';

let t = root as Test;

export { t as default };

const PART_TIMEOUT_MS = 300_000;
const folder = join(import.meta.dirname, '..');

/**
 * Runs the matching test files one after the other, each as a subtest named after it. Files that need more than Node (`*.e2e.test.ts`) are
 * excluded.
 */
export async function runParts(...patterns: readonly string[]): Promise<void> {
  const files = globSync(patterns, { cwd: folder, exclude: (name) => name.endsWith('.e2e.test.ts') }).sort();
  if (files.length === 0) throw new Error(`No test file matches ${patterns.join(', ')}.`);
  // Each part has a time limit; the whole has none.
  root.setTimeout(0);
  for (const file of files) {
    await root.test(`test/${file}`, { timeout: PART_TIMEOUT_MS }, async (part) => {
      t = part;
      await import(join(folder, file));
    });
  }
}
