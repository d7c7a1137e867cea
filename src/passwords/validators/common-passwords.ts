import { dictionary } from '@zxcvbn-ts/language-common';

/**
 * Some 49,000 passwords that people choose most, all in lower case. The set takes about 20 MB and 30 ms, therefore this
 * module is imported on first use only (`common.ts`); that the module system keeps it is the whole cache.
 */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(dictionary['passwords-common']);
