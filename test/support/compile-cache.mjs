// Before any module of a test: compiled code is kept from one process to the next.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../../.cache/compiled');
enableCompileCache(folder);
process.env.NODE_COMPILE_CACHE ??= folder;
