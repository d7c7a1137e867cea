// `npm run compatibility`: runs the stock clients and writes docs/compatibility.md from what came of them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/database.ts';
import { PAGE, pageOf, rowsFolder, rowsOf, rowsThatRan } from './record.ts';

rmSync(rowsFolder, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [join(root, 'node_modules/.bin/tap'), 'test/clients'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, COMPATIBILITY: 'write' },
});
const ran = rowsThatRan();
// What was skipped here keeps what was written where it ran.
const kept = rowsOf(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '').filter(
  (row) => !ran.some((one) => one.client === row.client),
);
writeFileSync(PAGE, pageOf([...ran, ...kept]));
process.exitCode = status ?? 1;
