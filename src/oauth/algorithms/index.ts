/**
 * algorithms: which signing keys clients need.
 * Owns: the one statement behind the port `algorithmsAsked`.
 * Does not own: clients, whose settings it reads. Every command loads this port, and must not load the server with it.
 */
export { algorithmsOfClients } from './of-clients.ts';
