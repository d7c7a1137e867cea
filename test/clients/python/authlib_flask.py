"""A relying party as the documentation of Authlib has it (Flask client, OpenID Connect). argv: port, issuer, client id, client secret."""

import sys

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, session, url_for

port, issuer, client_id, client_secret = sys.argv[1:]

app = Flask(__name__)
app.secret_key = "of this test alone"
oauth = OAuth(app)
oauth.register(
    "signet",
    server_metadata_url=f"{issuer}/.well-known/openid-configuration",
    client_id=client_id,
    client_secret=client_secret,
    client_kwargs={"scope": "openid profile email groups permissions", "code_challenge_method": "S256"},
)


@app.route("/login")
def login():
    return oauth.signet.authorize_redirect(url_for("auth", _external=True), audience="polls")


@app.route("/auth")
def auth():
    token = oauth.signet.authorize_access_token()
    renewed = oauth.signet.fetch_access_token(
        grant_type="refresh_token", refresh_token=token["refresh_token"], redirect_uri=None
    )
    return jsonify(
        id_token=token["userinfo"],
        userinfo=oauth.signet.userinfo(token=token),
        access_token=token["access_token"],
        renewed=renewed["access_token"],
    )


app.run(host="127.0.0.1", port=int(port))
