import { Initial } from './0001-initial.ts';

/** Every migration, in the order in which they are applied. The database stores their names: never rename one. */
export const migrations = [{ name: '0001-initial', class: Initial }];

/** The first migration of the schema before the first release, which this version cannot upgrade. */
export const predecessor = '0001-first';
