/**
 * oauth: how programs ask.
 * Owns: clients and their secrets, client authentication, the token endpoint, introspection, revocation, discovery.
 * Does not own: what a token says (tokens), nor what its holder may do (access).
 * Standards: RFC 6749, 6750, 7009, 7591, 7662, 8414, 8707, 9068, 9700; OpenID Connect Discovery.
 */
export { Client, ClientApi, ClientSecret } from './entities.ts';
