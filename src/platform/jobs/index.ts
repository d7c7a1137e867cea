/**
 * jobs: periodic work of a running server (`start` and `dev` only; a command runs none).
 * Owns: the schedule. The rooms pass the work in through server/jobs.ts.
 */
export { type Job, startJobs } from './jobs.ts';
