import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ["SIGNET_ISSUER"]
keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json")


def verify(token):
    """The claims of a good access token; jwt.PyJWTError for anything else."""
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=["RS256"], issuer=ISSUER, audience="polls",
                        options={"require": ["iss", "aud", "exp", "sub"]})
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":  # decode() has verified it by now
        raise jwt.InvalidTokenError("not an access token")
    if "cnf" in claims:  # bound to a key (RFC 9449): worth nothing without its proof, which is not checked here
        raise jwt.InvalidTokenError("a bound token without its proof")
    return claims


def has_perm(claims, name):
    return claims["is_superuser"] or name in claims.get("permissions", [])


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path != "/choices":
            return self.answer(404, b"not here\n")
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return self.answer(401, b"no token\n", "Bearer")
        try:
            claims = verify(token.strip())
        except jwt.PyJWTError:
            return self.answer(401, b"bad token\n", 'Bearer error="invalid_token"')
        if not has_perm(claims, "polls.add_choice"):
            return self.answer(403, b"this needs polls.add_choice\n")
        self.answer(200, f"added by {claims.get('username', claims['sub'])}\n".encode())

    def answer(self, status, body, challenge=None):
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("localhost", int(os.environ.get("PORT", "3000"))), Service).serve_forever()
