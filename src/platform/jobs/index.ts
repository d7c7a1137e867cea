/**
 * jobs: what a running server does on its own (`start` and `dev` only; a command runs none).
 * Owns: when. What is done is passed in by the rooms through app.ts.
 */
export { type Job, type Jobs, startJobs } from './jobs.ts';
