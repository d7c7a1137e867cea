"""Authlib's OAuth2Session, client authentication by private_key_jwt. argv: issuer, client id, file of the private key, callback.

Prints where the browser is to go, reads where it came back, prints what was got, as JSON."""

import json
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

issuer, client_id, key_file, callback = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/openid-configuration").json()
token_endpoint = metadata["token_endpoint"]
with open(key_file, "rb") as file:
    private_key = file.read()

session = OAuth2Session(
    client_id,
    private_key,
    token_endpoint_auth_method=PrivateKeyJWT(token_endpoint),
    revocation_endpoint_auth_method=PrivateKeyJWT(token_endpoint),
    redirect_uri=callback,
    scope="openid profile",
    code_challenge_method="S256",
)
verifier = generate_token(48)
uri, state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, audience="polls"
)
print(uri, flush=True)
answer = sys.stdin.readline().strip()
token = session.fetch_token(token_endpoint, authorization_response=answer, code_verifier=verifier, state=state)
renewed = session.refresh_token(token_endpoint, refresh_token=token["refresh_token"])
seen = session.introspect_token(
    metadata["introspection_endpoint"], token=renewed["access_token"], token_type_hint="access_token"
).json()
revoked = session.revoke_token(metadata["revocation_endpoint"], token=renewed["refresh_token"]).status_code
gone = session.introspect_token(metadata["introspection_endpoint"], token=renewed["access_token"]).json()
print(json.dumps({"token": token, "seen": seen, "revoked": revoked, "gone": gone}))
