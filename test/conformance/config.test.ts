import { type ClientWorld, startWorld } from '../clients/world.ts';
import t from '../support/tap.ts';

// The one module of the Config plan, in words of our own. The suite believes https alone: so the whole service stands here with a
// certificate, on a port of this machine.

const ADDRESS = /^https:\/\/[^\s?#@]+$/;

async function documentOf(world: ClientWorld) {
  const response = await fetch(world.discoveryUrl, { redirect: 'error' });
  return { response, document: (await response.json()) as Record<string, unknown> };
}

t.test('oidcc-config-certification-test-plan: oidcc-discovery-endpoint-verification', async (t) => {
  const world = await startWorld(t);
  const { response, document } = await documentOf(world);

  await t.test('OIDC Discovery §4.2: 200, as JSON', async (t) => {
    t.equal(response.status, 200);
    t.match(response.headers.get('content-type'), /^application\/json(;|$)/);
  });

  await t.test('OIDC Discovery §4.3, RFC 8414 §2: the issuer is where the document stands, over https', async (t) => {
    t.match(document['issuer'], ADDRESS);
    t.equal(`${document['issuer']}/.well-known/openid-configuration`, world.discoveryUrl);
  });

  await t.test('OIDC Discovery §3: every list is one, and has what it must have', async (t) => {
    const lists = Object.entries(document).filter(([name]) => name.endsWith('_supported') && !isFlag(name));
    t.ok(lists.length > 10);
    for (const [name, values] of lists) {
      t.ok(Array.isArray(values) && values.length > 0, name);
      t.ok((values as unknown[]).every((one) => typeof one === 'string' && one !== ''));
    }
    const has = (name: string, value: string) =>
      t.ok((document[name] as string[]).includes(value), `${name} has ${value}`);
    has('response_types_supported', 'code');
    has('grant_types_supported', 'authorization_code');
    has('id_token_signing_alg_values_supported', 'RS256');
    has('scopes_supported', 'openid');
    has('code_challenge_methods_supported', 'S256');
    has('claims_supported', 'sub');
    has('response_modes_supported', 'form_post');
    for (const one of document['subject_types_supported'] as string[]) t.match(one, /^(public|pairwise)$/);
    for (const one of document['scopes_supported'] as string[])
      t.match(one, /^[\x21\x23-\x5b\x5d-\x7e]+$/, 'RFC 6749 §3.3');
    for (const name of [
      'ui_locales_supported',
      'claims_locales_supported',
      'request_object_signing_alg_values_supported',
    ])
      t.notOk(name in document, `${name}: nothing is offered`);
  });

  await t.test('OIDC Discovery §3: what can be had or not is said by true and false', async (t) => {
    for (const name of Object.keys(document).filter(isFlag)) t.type(document[name], 'boolean', name);
    t.match(document, {
      claims_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    });
  });

  await t.test('OIDC Discovery §3: every address is https and answers', async (t) => {
    const endpoints = Object.entries(document).filter(([name]) => name.endsWith('_endpoint') || name === 'jwks_uri');
    const names = endpoints.map(([name]) => name);
    for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'])
      t.ok(names.includes(name), name);
    t.notOk(names.includes('registration_endpoint'), 'programs do not register themselves unless the operator says so');
    for (const [name, url] of endpoints) {
      t.match(url, ADDRESS, name);
      t.not((await fetch(String(url), { redirect: 'manual' })).status, 404, name);
    }
  });

  await t.test(
    'RFC 7517 §4.5, RFC 7518 §6.3.2.1: the keys are public ones, and each has a name of its own',
    async (t) => {
      const { keys } = (await (await fetch(String(document['jwks_uri']))).json()) as { keys: Record<string, string>[] };
      t.ok(keys.length > 0);
      t.equal(new Set(keys.map((one) => one['kid'])).size, keys.length);
      for (const key of keys) {
        t.match(key['kid'], /./);
        t.match(key['kty'], /^(RSA|EC|OKP)$/);
        for (const part of { RSA: ['n', 'e'], EC: ['x', 'y'], OKP: ['x'] }[key['kty'] as 'RSA'])
          t.match(key[part], /^[\w-]+$/);
        for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) t.notOk(secret in key, secret);
      }
      t.ok(keys.some((one) => one['kty'] === 'RSA'));
    },
  );
});

function isFlag(name: string): boolean {
  return /(_parameter|_logout|_session|_metadata_document)_supported$/.test(name);
}

t.test(
  'oidcc-discovery-endpoint-verification, OIDC Discovery §3: where clients register themselves, it says so',
  async (t) => {
    const world = await startWorld(t, { environment: { SIGNET_REGISTRATION: 'token' } });
    t.match((await documentOf(world)).document['registration_endpoint'], ADDRESS);
  },
);
