import { defineEntity, p } from '@mikro-orm/core';
import { Api, Permission, Principal } from '../permissions/index.ts';
import { AUTH_METHODS, type ClientSettings, PRESETS } from './client-settings/index.ts';

const ClientSchema = defineEntity({
  name: 'Client',
  tableName: 'oauth_client',
  properties: {
    id: () => p.oneToOne(Principal).primary().mapToPk().joinColumn('id').deleteRule('cascade'),
    /** The client id: `c_…`, generated, so that it cannot equal an audience. */
    clientId: p.string().columnType('text').unique(),
    name: p.string().columnType('text'),
    nameKey: p.string().columnType('text').unique(),
    /** Set by administrators only: the client carries all permissions of its users. */
    isFirstParty: p.boolean().default(false),
    preset: p.enum(PRESETS),
    /** RFC 7591 §2 names; `client_secret` stands for basic and post alike. */
    authMethod: p.enum(AUTH_METHODS),
    grantTypes: p.array().columnType('text[]'),
    redirectUris: p.array().columnType('text[]'),
    /** Settings that differ from the defaults; `clientSettings` reads them. */
    settings: p.json().$type<Partial<ClientSettings>>().defaultRaw("'{}'"),
    /** Registered itself (RFC 7591). */
    isDynamic: p.boolean().default(false),
    isActive: p.boolean().default(true),
    createdAt: p.datetime().columnType('timestamptz'),
  },
});
/** A program that requests tokens (RFC 6749 §2), serves APIs, or both. */
export class Client extends ClientSchema.class {}
ClientSchema.setClass(Client);

const ClientSecretSchema = defineEntity({
  name: 'ClientSecret',
  tableName: 'oauth_client_secret',
  indexes: [{ properties: ['client'] }],
  properties: {
    id: p.uuid().primary(),
    client: () => p.manyToOne(Client).mapToPk().deleteRule('cascade'),
    digest: p.blob(),
    createdAt: p.datetime().columnType('timestamptz'),
    /** Set when the secret was rotated; until then both secrets are valid. */
    expiresAt: p.datetime().columnType('timestamptz').nullable(),
  },
});
/** A client secret; only its digest is stored. At most two are valid at once. */
export class ClientSecret extends ClientSecretSchema.class {}
ClientSecretSchema.setClass(ClientSecret);

const ClientApiSchema = defineEntity({
  name: 'ClientApi',
  tableName: 'oauth_client_api',
  indexes: [{ properties: ['api'] }],
  properties: {
    client: () => p.manyToOne(Client).mapToPk().primary().deleteRule('cascade'),
    api: () => p.manyToOne(Api).mapToPk().primary().deleteRule('cascade'),
    role: p.enum(['requests', 'serves'] as const).primary(),
  },
});
/** An API that a client may request tokens for, or that it serves. */
export class ClientApi extends ClientApiSchema.class {}
ClientApiSchema.setClass(ClientApi);

const ClientBoundarySchema = defineEntity({
  name: 'ClientBoundary',
  tableName: 'oauth_client_boundary',
  indexes: [{ properties: ['permission'] }],
  properties: {
    client: () => p.manyToOne(Client).mapToPk().primary().deleteRule('cascade'),
    permission: () => p.manyToOne(Permission).mapToPk().primary().deleteRule('cascade'),
  },
});
/** A permission that a client which is not first-party may carry. */
export class ClientBoundary extends ClientBoundarySchema.class {}
ClientBoundarySchema.setClass(ClientBoundary);
