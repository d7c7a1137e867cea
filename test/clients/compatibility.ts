// `npm run compatibility`: runs the stock clients, one after the other, and writes docs/compatibility.md from what came of them.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGE, pageOf, rowsFolder, rowsOf, rowsThatRan } from './record.ts';

const files = globSync('*.test.ts', { cwd: import.meta.dirname, exclude: ['compatibility.test.ts'] }).sort();
rmSync(rowsFolder, { recursive: true, force: true });
for (const file of files) {
  const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, file)], {
    encoding: 'utf8',
    env: { ...process.env, COMPATIBILITY: 'write' },
    timeout: 300_000,
  });
  process.stdout.write(`${status === 0 ? 'ok' : 'not ok'} - ${file}\n${status === 0 ? '' : stdout}`);
  if (status !== 0) process.exitCode = 1;
}
// What was skipped here keeps what was written where it ran.
const ran = rowsThatRan();
const kept = rowsOf(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '').filter(
  (row) => !ran.some((one) => one.client === row.client),
);
writeFileSync(PAGE, pageOf([...ran, ...kept]));
