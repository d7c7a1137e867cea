/**
 * oauth: how programs ask.
 * Owns: clients and their secrets, client authentication, the token endpoint, introspection, revocation, discovery.
 * Does not own: what a token says (tokens), nor what its holder may do (access).
 * Neighbours: tokens below, to which it is the port that says which client is active; the command line above.
 * Standards: RFC 6749, 7009, 7591, 7662, 8414, 8707, 9068, 9700; OpenID Connect Discovery.
 */
export {
  audiencesOf,
  type ClientChange,
  createClient,
  deleteClient,
  getClient,
  listClients,
  type NewClient,
  updateClient,
} from './clients/clients.ts';
export { clientLookup } from './clients/lookup.ts';
export { type ClientOfApi, clientsOfApi } from './clients/of-api.ts';
export { type Preset, presets } from './clients/presets.ts';
export { isSecretOf, listSecrets, OVERLAP_SECONDS, rotateSecret } from './clients/secrets.ts';
export { Client, ClientSecret } from './entities.ts';
