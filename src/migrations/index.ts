import { Initial } from './0001-initial.ts';

/** Every migration, in the order in which they are applied. The database stores their names: never rename one. */
export const migrations = [{ name: '0001-initial', class: Initial }];

/** The first migration before the schema was made anew for the first release. */
export const predecessor = '0001-first';
