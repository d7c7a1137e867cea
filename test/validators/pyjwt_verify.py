"""Reads a token a line, answers {"claims": ...} or {"refused": ...} a line: PyJWT with keys from the JWKS URL alone."""
import json
import os
import sys

import jwt

keys = jwt.PyJWKClient(os.environ["JWKS_URI"])


def verify(token):
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token, key.key, algorithms=["RS256"], issuer=os.environ["ISSUER"], audience=os.environ["AUDIENCE"]
    )
    # PyJWT does not look at `typ`.
    if jwt.get_unverified_header(token).get("typ") != os.environ["TYP"]:
        raise jwt.InvalidTokenError("another typ")
    return claims


for line in sys.stdin:
    try:
        verdict = {"claims": verify(line.strip())}
    except jwt.PyJWTError as error:
        verdict = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(verdict), flush=True)
