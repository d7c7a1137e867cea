import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { dictionary } from '@zxcvbn-ts/language-common';

// Imported on first use only (`../validators.ts`): the set takes about 20 MB and 30 ms. The module system is the cache.

/** About 49,000 common passwords in lower case. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(dictionary['passwords-common']);

/** Django's own list (its licence is in this folder) as one text: a search takes microseconds, and a set would take ten times the memory. */
const packed = await readFile(new URL('./django-common-passwords.txt.gz', import.meta.url));
const LIST = Buffer.concat([Buffer.from('\n'), await promisify(gunzip)(packed), Buffer.from('\n')]);

/** Returns whether Django's CommonPasswordValidator refuses a password. It must be in lower case, without surrounding white space. */
export function isCommonInDjango(password: string): boolean {
  return password !== '' && !password.includes('\n') && LIST.includes(`\n${password}\n`);
}
