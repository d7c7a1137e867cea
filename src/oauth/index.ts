/**
 * oauth: how programs ask.
 * Owns: clients and their secrets, client authentication, the token endpoint, what a token is worth now, introspection,
 * revocation, discovery, what publishing a catalogue comes to.
 * Does not own: what a token says (tokens), nor what its holder may do (access).
 * Neighbours: tokens below; api and the command line above.
 * Standards: RFC 6749, 7009, 7591, 7662, 8414, 8707, 9068, 9700; OpenID Connect Discovery.
 */
export { type ActiveToken, findActiveToken, type TokenReader } from './active-token.ts';
export { type EndedHolder, type Publication, publishCatalogue, rehearse } from './catalogue/publish.ts';
export { authenticateClient } from './client-auth.ts';
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
export { createKnownClients, type KnownClients, type LiveClient } from './clients/hot.ts';
export { apiDeleted, type ClientOfApi, clientsOfApi, isServedBy } from './clients/of-api.ts';
export { type Preset, presets } from './clients/presets.ts';
export { isSecretOf, listSecrets, OVERLAP_SECONDS, rotateSecret } from './clients/secrets.ts';
export { type ClientSettings, settingsOf } from './clients/settings.ts';
export { Client, ClientSecret } from './entities.ts';
